// oidc-provider, rotating refresh tokens as it does by default, over PostgreSQL, in as many processes as the others have.
// `node server.mjs seed COUNT` makes the table and grants instead, and prints their refresh tokens as JSON.
import cluster from 'node:cluster';
import { generateKeyPairSync } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { Provider } from 'oidc-provider';
import { adapterOver, createTable } from './adapter.mjs';

const { PORT, WORKERS, DATABASE_HOST, DATABASE_NAME, KEY_FILE } = process.env;
const database = { host: DATABASE_HOST, database: DATABASE_NAME, user: 'postgres', max: 10 };

function signingKey() {
  if (!existsSync(KEY_FILE)) {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    writeFileSync(KEY_FILE, JSON.stringify({ ...privateKey.export({ format: 'jwk' }), alg: 'ES256', use: 'sig' }));
  }
  return JSON.parse(readFileSync(KEY_FILE, 'utf8'));
}

function makeProvider(adapter) {
  return new Provider(`http://127.0.0.1:${PORT}`, {
    adapter,
    clients: [
      {
        client_id: 'bench',
        token_endpoint_auth_method: 'none',
        grant_types: ['authorization_code', 'refresh_token'],
        redirect_uris: ['http://127.0.0.1/callback'],
        id_token_signed_response_alg: 'ES256',
      },
    ],
    jwks: { keys: [signingKey()] },
    cookies: { keys: ['bench'] },
    features: { devInteractions: { enabled: false } },
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
    rotateRefreshToken: true,
    ttl: { AccessToken: 14400, Grant: 2592000, IdToken: 300, RefreshToken: 2592000 },
  });
}

async function seed(count) {
  await createTable(database);
  const provider = makeProvider(adapterOver(database));
  const client = await provider.Client.find('bench');
  const tokens = [];
  for (let number = 0; number < count; number += 1) {
    const accountId = `bench-${number}`;
    const grant = new provider.Grant({ accountId, clientId: client.clientId });
    grant.addOIDCScope('openid offline_access');
    const grantId = await grant.save();
    const token = new provider.RefreshToken({
      accountId, client, grantId, gty: 'authorization_code', scope: 'openid offline_access', claims: {},
    });
    tokens.push({ refresh: await token.save(), access: '' });
  }
  process.stdout.write(JSON.stringify(tokens), () => process.exit(0));
}

if (process.argv[2] === 'seed') {
  await seed(Number(process.argv[3]));
} else if (cluster.isPrimary) {
  signingKey();
  for (let number = 0; number < Number(WORKERS); number += 1) cluster.fork();
} else {
  makeProvider(adapterOver(database)).listen(Number(PORT), '127.0.0.1');
}
