"""Row security: the rows of a gallery are those of one tenant, a role of the PostgreSQL server.

The server itself compares: a user who is no member of the role sees no row and changes none, even
with privileges on the tables, and so does their owner. Administrators of the server see everything.
"""

import psycopg

from mien.errors import GalleryError
from mien.gallery.postgres_schema import TABLES, Address, Db, summary

MARK = "mien tenant: "  # comment of a schema with row security, before the role


def tenant_of(db: Db, address: Address) -> str | None:
    """Return the tenant of a gallery; None if it has none, or does not exist."""
    query = "SELECT obj_description(to_regnamespace(%s), 'pg_namespace')"
    row = db.execute(query, (address.schema,)).fetchone()
    text = str(row[0]) if row and row[0] is not None else ""
    return text.removeprefix(MARK) if text.startswith(MARK) else None


def check_tenant(db: Db, address: Address) -> None:
    """Refuse a user who is no member of the tenant, whose rows the server would hide.

    Raises:
        GalleryError: the gallery has another tenant, or this user is none of its members.
    """
    tenant = tenant_of(db, address)
    if tenant is None:
        return
    if address.tenant not in (None, tenant):
        raise GalleryError(
            f"Gallery {address.where} is one of the tenant {tenant!r}, not of {address.tenant!r}."
        )
    query = "SELECT pg_has_role(current_user, %s, 'MEMBER'), current_user"
    member, user = db.execute(query, (tenant,)).fetchone() or (False, "")
    if not member:
        raise GalleryError(
            f"Gallery {address.where} is one of the tenant {tenant!r}, and {user!r} is no member "
            f"of that role; let an administrator run: GRANT {tenant} TO {user}"
        )


def secure(db: Db, address: Address) -> None:
    """Let the server show the rows of a gallery to members of its tenant only.

    Raises:
        GalleryError: there is no such role, or this user does not own the tables.
    """
    tenant, schema = address.tenant, address.schema
    if tenant is None or tenant_of(db, address) == tenant:
        return
    if db.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (tenant,)).fetchone() is None:
        raise GalleryError(
            f"The server of gallery {address.where} has no role {tenant!r}; let an administrator "
            f"run: CREATE ROLE {tenant} NOLOGIN"
        )
    try:
        with db.transaction():
            for table in (*TABLES, "about", "search"):
                name = f"{schema}.{table}"
                db.execute(f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY")
                db.execute(f"ALTER TABLE {name} FORCE ROW LEVEL SECURITY")
                member = f"pg_has_role(current_user, '{tenant}', 'MEMBER')"
                db.execute(f"CREATE POLICY tenant ON {name} USING ({member})")
            db.execute(f"COMMENT ON SCHEMA {schema} IS '{MARK}{tenant}'")
    except psycopg.errors.InsufficientPrivilege as error:
        raise GalleryError(
            f"Gallery {address.where} gets a tenant from its owner only ({summary(error)})."
        ) from error
    check_tenant(db, address)
