// openid-client as a registered application: discovery, ID tokens, userinfo, refresh and sign-out.
import * as client from 'openid-client'
import { issuer, openInBrowser, report } from './person.mjs'

const [clientId, secret, redirectUri, algorithm] = process.argv.slice(5)
const config = await client.discovery(
  new URL(issuer),
  clientId,
  { id_token_signed_response_alg: algorithm },
  secret ? client.ClientSecretBasic(secret) : client.None(),
  { execute: [client.allowInsecureRequests] },
)

const pkceCodeVerifier = client.randomPKCECodeVerifier()
const expectedState = client.randomState()
const expectedNonce = client.randomNonce()
const url = client.buildAuthorizationUrl(config, {
  redirect_uri: redirectUri,
  scope: 'openid profile email offline_access',
  state: expectedState,
  nonce: expectedNonce,
  max_age: '600',
  code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
  code_challenge_method: 'S256',
})
const answer = await openInBrowser(url)
const checks = { pkceCodeVerifier, expectedState, expectedNonce, maxAge: 600, idTokenExpected: true }
const given = await client.authorizationCodeGrant(config, answer, checks)
const info = await client.fetchUserInfo(config, given.access_token, given.claims().sub)
// Two at once, as a page with two requests does.
const [renewed, again] = await Promise.all([1, 2].map(() => client.refreshTokenGrant(config, given.refresh_token)))
const later = await client.refreshTokenGrant(config, renewed.refresh_token)
const signOut = client.buildEndSessionUrl(config, {
  id_token_hint: later.id_token,
  post_logout_redirect_uri: redirectUri,
  state: 'bye',
})

report({
  claims: given.claims(),
  info,
  same: renewed.refresh_token === again.refresh_token,
  authTimes: [given, renewed, later].map((tokens) => tokens.claims().auth_time),
  refreshToken: later.refresh_token,
  signOut: String(signOut),
})
process.exit(0)
