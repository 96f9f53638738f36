"""Searching by words: folded names and words beside customers and contacts, kept by triggers."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"

# Words of a text, and the text as one word: both sides of a search are taken apart by these.
WORDS = """
CREATE FUNCTION kartotek_words(text) RETURNS text[] LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN array_remove(regexp_split_to_array(kartotek_fold($1), '[^[:alnum:]]+'), '')
"""
SQUASHED = """
CREATE FUNCTION kartotek_squashed(text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN nullif(regexp_replace(kartotek_fold($1), '[^[:alnum:]]+', '', 'g'), '')
"""
# Words have letters and digits only, so they need no quotes. Weights hang on places: all words are at the first.
WEIGHTED = """
CREATE FUNCTION kartotek_weighted(words text[], weight text) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN coalesce((SELECT string_agg(word || ':1' || weight, ' ') FROM unnest(words) AS word
                 WHERE octet_length(word) < 1000)::tsvector, ''::tsvector)
"""
# All words, each at the beginning of one that is there; or all of the text as the beginning of a key.
QUERY = """
CREATE FUNCTION kartotek_query(text, weights text) RETURNS tsquery LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN (SELECT CASE WHEN count(*) > 1 AND weights <> 'A'
                    THEN '(' || string_agg(word || ':*' || weights, ' & ') || ') | ' || kartotek_squashed($1) || ':*B'
                    ELSE string_agg(word || ':*' || weights, ' & ') END
        FROM unnest(kartotek_words($1)) AS word)::tsquery
"""
KEY_QUERY = """
CREATE FUNCTION kartotek_key_query(text) RETURNS tsquery LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN (kartotek_squashed($1) || ':B')::tsquery
"""
# A number in E.164 is found by its national spelling too: country codes have up to three digits, many lands say 0 first.
PHONE = """
CREATE FUNCTION kartotek_phone_words(text) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (SELECT coalesce(array_agg(trunk || substr(digits, start)), '{}')
        FROM regexp_replace($1, '[^0-9]', '', 'g') AS digits, generate_series(1, 4) AS start, unnest('{"",0}'::text[]) AS trunk
        WHERE substr(digits, start) <> '' AND (start > 1 OR trunk = ''))
"""

OF_CUSTOMER = """
CREATE FUNCTION kartotek_customer_words(customer customers) RETURNS tsvector LANGUAGE sql STABLE
RETURN kartotek_weighted(kartotek_words(customer.name), 'A')
    || kartotek_weighted(array_remove(ARRAY[customer.number::text, kartotek_squashed(customer.business_id),
                                            kartotek_squashed(customer.vat_number),
                                            kartotek_squashed(customer.email)], NULL)
                         || kartotek_words(coalesce(customer.business_id, '')), 'B')
    || kartotek_weighted(kartotek_words(coalesce(customer.email, '')), 'C')
"""
OF_CONTACT = """
CREATE FUNCTION kartotek_contact_words(contact contacts) RETURNS tsvector LANGUAGE sql STABLE
RETURN kartotek_weighted(kartotek_words(concat_ws(' ', contact.first_name, contact.last_name)), 'A')
    || kartotek_weighted(kartotek_phone_words(contact.phone) || kartotek_phone_words(contact.mobile)
                         || array_remove(ARRAY[kartotek_squashed(contact.email)], NULL), 'B')
    || kartotek_weighted(kartotek_words(coalesce(contact.email, '')), 'C')
"""

FROM_CUSTOMERS = """
INSERT INTO customer_search (organization_id, customer_id, name, own, people)
SELECT organization_id, id, kartotek_fold(name), kartotek_customer_words(customer), '' FROM {} AS customer
"""
FROM_CONTACTS = """
INSERT INTO contact_search (organization_id, contact_id, name, words)
SELECT organization_id, id, kartotek_fold(concat_ws(' ', first_name, last_name)), kartotek_contact_words(contact)
FROM {} AS contact
"""
# Whoever else writes the same rows is waited for first, so that the words are made of what is then there.
PEOPLE_OF = """
CREATE FUNCTION kartotek_find_people(organization uuid, keys uuid[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM customer_search WHERE organization_id = organization AND customer_id = ANY (keys)
    ORDER BY customer_id FOR NO KEY UPDATE;
    UPDATE customer_search SET people = coalesce(kartotek_weighted(words_of.people, 'D'), '')
    FROM unnest(keys) AS key LEFT JOIN (
        SELECT customer_id, array_agg(word) AS people
        FROM contacts, unnest(kartotek_words(concat_ws(' ', first_name, last_name))) AS word
        WHERE organization_id = organization AND customer_id = ANY (keys) AND deleted_at IS NULL
        GROUP BY customer_id
    ) AS words_of ON words_of.customer_id = key
    WHERE customer_search.organization_id = organization AND customer_search.customer_id = key;
END $$
"""

CUSTOMERS_CAME = f"""
CREATE FUNCTION kartotek_customers_came() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    {FROM_CUSTOMERS.format("came")};
    RETURN NULL;
END $$
"""
CUSTOMER_CHANGED = """
CREATE FUNCTION kartotek_customer_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE customer_search SET name = kartotek_fold(NEW.name), own = kartotek_customer_words(NEW)
    WHERE organization_id = NEW.organization_id AND customer_id = NEW.id;
    RETURN NULL;
END $$
"""
CONTACTS_CAME = f"""
CREATE FUNCTION kartotek_contacts_came() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    {FROM_CONTACTS.format("came")};
    PERFORM kartotek_find_people(organization_id, array_agg(DISTINCT customer_id)) FROM came GROUP BY organization_id;
    RETURN NULL;
END $$
"""
CONTACT_CHANGED = """
CREATE FUNCTION kartotek_contact_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE contact_search SET name = kartotek_fold(concat_ws(' ', NEW.first_name, NEW.last_name)),
                              words = kartotek_contact_words(NEW)
    WHERE organization_id = NEW.organization_id AND contact_id = NEW.id;
    PERFORM kartotek_find_people(NEW.organization_id, ARRAY[OLD.customer_id, NEW.customer_id]);
    RETURN NULL;
END $$
"""
CONTACTS_WENT = """
CREATE FUNCTION kartotek_contacts_went() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM kartotek_find_people(organization_id, array_agg(DISTINCT customer_id)) FROM went GROUP BY organization_id;
    RETURN NULL;
END $$
"""

FOUND_BY = {
    "customers": ("number", "name", "business_id", "vat_number", "email"),
    "contacts": ("first_name", "last_name", "email", "phone", "mobile", "customer_id", "deleted_at"),
}


def upgrade() -> None:
    _run("CREATE EXTENSION IF NOT EXISTS btree_gin")
    own, people = (sa.Column(name, postgresql.TSVECTOR(), nullable=False) for name in ("own", "people"))
    both = sa.Computed("own || people", persisted=True)
    words = sa.Column("words", postgresql.TSVECTOR(), both, nullable=False)
    _table("customer_search", "customers", "customer_id", [own, people, words])
    words = sa.Column("words", postgresql.TSVECTOR(), nullable=False)
    _table("contact_search", "contacts", "contact_id", [words])
    functions = (WORDS, SQUASHED, WEIGHTED, QUERY, KEY_QUERY, PHONE, OF_CUSTOMER, OF_CONTACT, PEOPLE_OF)
    triggered = (CUSTOMERS_CAME, CUSTOMER_CHANGED, CONTACTS_CAME, CONTACT_CHANGED, CONTACTS_WENT)
    for function in (*functions, *triggered):
        _run(function)
    _run(FROM_CUSTOMERS.format("customers"))
    _run(FROM_CONTACTS.format("contacts"))
    _run(
        "SELECT kartotek_find_people(organization_id, array_agg(DISTINCT customer_id)) FROM contacts "
        "GROUP BY organization_id"
    )
    for table, one in (("customers", "customer"), ("contacts", "contact")):
        _run(
            f"CREATE TRIGGER search_came AFTER INSERT ON {table} REFERENCING NEW TABLE AS came "
            f"FOR EACH STATEMENT EXECUTE FUNCTION kartotek_{table}_came()"
        )
        columns = FOUND_BY[table]
        before, after = (", ".join(f"{row}.{name}" for name in columns) for row in ("OLD", "NEW"))
        _run(
            f"CREATE TRIGGER search_changed AFTER UPDATE OF {', '.join(columns)} ON {table} FOR EACH ROW "
            f"WHEN (({before}) IS DISTINCT FROM ({after})) EXECUTE FUNCTION kartotek_{one}_changed()"
        )
    _run(
        "CREATE TRIGGER search_went AFTER DELETE ON contacts REFERENCING OLD TABLE AS went "
        "FOR EACH STATEMENT EXECUTE FUNCTION kartotek_contacts_went()"
    )


def _run(statement: str) -> None:
    """As it is: a colon in it begins no parameter."""
    op.get_bind().exec_driver_sql(statement)


def _table(name: str, of: str, key: str, words: list[sa.Column[str]]) -> None:
    op.create_table(
        name,
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(collation="C"), nullable=False),
        *words,
        sa.Column(key, sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id", key],
            [f"{of}.organization_id", f"{of}.id"],
            name=op.f(f"fk_{name}_organization_id_{key}"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("organization_id", key, name=op.f(f"pk_{name}")),
    )
    organization: sa.ColumnElement[str] = sa.literal_column("organization_id")
    op.create_index(f"ix_{name}_name_{key}", name, [organization, sa.literal_column("name"), sa.literal_column(key)])
    op.create_index(f"ix_{name}_words", name, [organization, sa.literal_column("words")], postgresql_using="gin")
    trigrams: sa.ColumnElement[str] = sa.literal_column("name gin_trgm_ops")
    op.create_index(f"ix_{name}_name_trigrams", name, [organization, trigrams], postgresql_using="gin")
