// The storage that oidc-provider asks its users to write: one table, a row an artefact, prepared statements.
import pg from 'pg';

export async function createTable(database) {
  const client = new pg.Client(database);
  await client.connect();
  await client.query(`CREATE TABLE IF NOT EXISTS oidc (
    id text PRIMARY KEY, payload jsonb NOT NULL, grant_id text, expires_at timestamptz, consumed_at timestamptz)`);
  await client.query('CREATE INDEX IF NOT EXISTS oidc_grant ON oidc (grant_id)');
  await client.end();
}

export function adapterOver(database) {
  const pool = new pg.Pool(database);
  return class {
    constructor(model) {
      this.model = model;
    }

    key(id) {
      return `${this.model}:${id}`;
    }

    async upsert(id, payload, expiresIn) {
      const expiresAt = expiresIn ? new Date(Date.now() + expiresIn * 1000) : null;
      await pool.query({
        name: 'upsert',
        text: `INSERT INTO oidc (id, payload, grant_id, expires_at) VALUES ($1, $2, $3, $4)
               ON CONFLICT (id) DO UPDATE SET payload = excluded.payload, expires_at = excluded.expires_at`,
        values: [this.key(id), payload, payload.grantId ?? null, expiresAt],
      });
    }

    async find(id) {
      const { rows } = await pool.query({
        name: 'find',
        text: 'SELECT payload, consumed_at FROM oidc WHERE id = $1 AND (expires_at IS NULL OR expires_at > now())',
        values: [this.key(id)],
      });
      if (!rows.length) return undefined;
      const { payload, consumed_at: consumedAt } = rows[0];
      return consumedAt ? { ...payload, consumed: Math.floor(consumedAt.getTime() / 1000) } : payload;
    }

    async consume(id) {
      await pool.query({
        name: 'consume',
        text: 'UPDATE oidc SET consumed_at = now() WHERE id = $1',
        values: [this.key(id)],
      });
    }

    async destroy(id) {
      await pool.query({ name: 'destroy', text: 'DELETE FROM oidc WHERE id = $1', values: [this.key(id)] });
    }

    async revokeByGrantId(grantId) {
      await pool.query({ name: 'revoke', text: 'DELETE FROM oidc WHERE grant_id = $1', values: [grantId] });
    }
  };
}
