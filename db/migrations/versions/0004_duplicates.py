"""Customers by their VAT number, to find who is there twice; words of many contacts that move at once, made once."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

# A statement at a time: of each customer the words of its people are made once, however many of them have changed.
CONTACTS_CHANGED = """
CREATE FUNCTION kartotek_contacts_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE contact_search SET name = kartotek_fold(contact.name), words = kartotek_contact_words(contact)
    FROM changed AS contact JOIN before USING (organization_id, id)
    WHERE contact_search.organization_id = contact.organization_id AND contact_search.contact_id = contact.id
        AND (before.name, before.email, before.phone, before.mobile)
            IS DISTINCT FROM (contact.name, contact.email, contact.phone, contact.mobile);
    PERFORM kartotek_find_people(organization_id, array_agg(DISTINCT customer_id))
    FROM (SELECT organization_id, unnest(ARRAY[before.customer_id, contact.customer_id]) AS customer_id
          FROM changed AS contact JOIN before USING (organization_id, id)
          WHERE (before.name, before.customer_id, before.deleted_at)
              IS DISTINCT FROM (contact.name, contact.customer_id, contact.deleted_at)) AS moved
    GROUP BY organization_id;
    RETURN NULL;
END $$
"""


def upgrade() -> None:
    organization: sa.ColumnElement[str] = sa.literal_column("organization_id")
    op.create_index("ix_customers_vat_number_id", "customers", [organization, "vat_number", "id"])
    op.execute("DROP TRIGGER search_changed ON contacts")
    op.execute("DROP FUNCTION kartotek_contact_changed")
    op.execute(CONTACTS_CHANGED)
    op.execute(
        "CREATE TRIGGER search_changed AFTER UPDATE ON contacts REFERENCING OLD TABLE AS before NEW TABLE AS changed "
        "FOR EACH STATEMENT EXECUTE FUNCTION kartotek_contacts_changed()"
    )
