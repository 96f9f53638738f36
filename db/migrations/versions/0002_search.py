"""Searching by words: folded names and words beside customers and contacts, kept by triggers."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"

# Words of a text, and the text as one word: both sides of a search are taken apart by these. A lexeme has 2 kB at most.
WORDS = """
CREATE FUNCTION kartotek_words(text) RETURNS text[] LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN (SELECT coalesce(array_agg(left(word, 200)), '{}')
        FROM regexp_split_to_table(kartotek_fold($1), '[^[:alnum:]]+') AS word WHERE word <> '')
"""
SQUASHED = """
CREATE FUNCTION kartotek_squashed(text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN nullif(left(regexp_replace(kartotek_fold($1), '[^[:alnum:]]+', '', 'g'), 200), '')
"""
# A text that may be a key, as one word: also without the country that is written in front of numbers.
SPELLINGS = """
CREATE FUNCTION kartotek_spellings(text) RETURNS text[] LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN array_remove(ARRAY[kartotek_squashed($1), substring(kartotek_squashed($1) FROM '^[a-z]{2}([0-9]{6}.*)')], NULL)
"""
# Words of a name are also there with `=` before them, keys with `#`: lexemes of their own are counted by statistics and
# told apart by the index, as weights are not.
LEXEMES = """
CREATE FUNCTION kartotek_lexemes(name text, keys text[], others text) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (SELECT array_to_tsvector(coalesce(array_agg(lexeme), '{}'))
        FROM (SELECT unnest(kartotek_words(concat_ws(' ', name, others)))
              UNION SELECT '=' || unnest(kartotek_words(name))
              UNION SELECT '#' || unnest(array_remove(keys, NULL))) AS made (lexeme))
"""
# Words have letters and digits only, so nothing in them needs an escape.
NAME_QUERY = """
CREATE FUNCTION kartotek_name_query(text) RETURNS tsquery LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN (SELECT string_agg(format('''=%s'':*', word), ' & ') FROM unnest(kartotek_words($1)) AS word)::tsquery
"""
KEY_QUERY = """
CREATE FUNCTION kartotek_key_query(text, suffix text) RETURNS tsquery LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN (SELECT string_agg(format('''#%s''%s', key, suffix), ' | ') FROM unnest(kartotek_spellings($1)) AS key)::tsquery
"""
# Only what has a digit is looked for at the beginning of keys: e-mail addresses are found by their words.
QUERY = """
CREATE FUNCTION kartotek_query(text) RETURNS tsquery LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN (SELECT concat_ws(' | ', string_agg(CASE WHEN word ~ '[0-9]' THEN format('(''%1$s'':* | ''#%1$s'':*)', word)
                                                ELSE format('''%s'':*', word) END, ' & '),
                         kartotek_key_query($1, CASE WHEN $1 ~ '[0-9]' THEN ':*' ELSE '' END)::text)
        FROM unnest(kartotek_words($1)) AS word)::tsquery
"""
# An index finds names with something like the longest word; the others are then compared one by one.
LONGEST = """
CREATE FUNCTION kartotek_longest_word(text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN (SELECT word FROM unnest(kartotek_words($1)) AS word ORDER BY length(word) DESC, word LIMIT 1)
"""
LIKENESS = """
CREATE FUNCTION kartotek_likeness(name text, words text) RETURNS real LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (SELECT min(word_similarity(word, name)) FROM unnest(kartotek_words(words)) AS word)
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
RETURN kartotek_lexemes(customer.name,
                        ARRAY[customer.number::text, kartotek_squashed(customer.business_id),
                              kartotek_squashed(customer.email)]
                        || kartotek_spellings(coalesce(customer.vat_number, '')),
                        concat_ws(' ', customer.business_id, customer.email))
"""
OF_CONTACT = """
CREATE FUNCTION kartotek_contact_words(contact contacts) RETURNS tsvector LANGUAGE sql STABLE
RETURN kartotek_lexemes(contact.name,
                        kartotek_phone_words(contact.phone) || kartotek_phone_words(contact.mobile)
                        || kartotek_squashed(contact.email),
                        contact.email)
"""

FROM_CUSTOMERS = """
INSERT INTO customer_search (organization_id, customer_id, name, own, people)
SELECT organization_id, id, kartotek_fold(name), kartotek_customer_words(customer), '' FROM {} AS customer
"""
FROM_CONTACTS = """
INSERT INTO contact_search (organization_id, contact_id, name, words)
SELECT organization_id, id, kartotek_fold(name), kartotek_contact_words(contact)
FROM {} AS contact
"""
# Whoever else writes the same rows is waited for first, so that the words are made of what is then there.
PEOPLE_OF = """
CREATE FUNCTION kartotek_find_people(organization uuid, keys uuid[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM customer_search WHERE organization_id = organization AND customer_id = ANY (keys)
    ORDER BY customer_id FOR NO KEY UPDATE;
    UPDATE customer_search SET people = array_to_tsvector(coalesce(words_of.people, '{}'))
    FROM unnest(keys) AS key LEFT JOIN (
        SELECT customer_id, array_agg(word) AS people
        FROM contacts, unnest(kartotek_words(name)) AS word
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
    UPDATE contact_search SET name = kartotek_fold(NEW.name), words = kartotek_contact_words(NEW)
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
    of_texts = (WORDS, SQUASHED, SPELLINGS, LEXEMES, KEY_QUERY, NAME_QUERY, QUERY, LONGEST, LIKENESS, PHONE)
    of_rows = (OF_CUSTOMER, OF_CONTACT, PEOPLE_OF)
    triggered = (CUSTOMERS_CAME, CUSTOMER_CHANGED, CONTACTS_CAME, CONTACT_CHANGED, CONTACTS_WENT)
    for function in (*of_texts, *of_rows, *triggered):
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
