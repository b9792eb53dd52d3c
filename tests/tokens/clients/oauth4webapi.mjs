// oauth4webapi against the backend, step by step: the strictest reader of responses that npm has.
import * as oauth from 'oauth4webapi'
import { approveDevice, issuer, loopback, openInBrowser, portalCallback, portalSecret, report } from './person.mjs'

const http = { [oauth.allowInsecureRequests]: true }
const server = await oauth.processDiscoveryResponse(
  new URL(issuer),
  await oauth.discoveryRequest(new URL(issuer), { algorithm: 'oauth2', ...http }),
)
const terminal = { client_id: 'insighta-cli' }
const portal = { client_id: 'insighta-portal' }

async function signIn(client, authentication, redirectUri) {
  const verifier = oauth.generateRandomCodeVerifier()
  const state = oauth.generateRandomState()
  const url = new URL(server.authorization_endpoint)
  url.search = new URLSearchParams({
    response_type: 'code',
    client_id: client.client_id,
    redirect_uri: redirectUri,
    state,
    scope: 'account:read bookings:read',
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  })
  const parameters = oauth.validateAuthResponse(server, client, await openInBrowser(url), state)
  const response = await oauth.authorizationCodeGrantRequest(
    server, client, authentication, parameters, redirectUri, verifier, http)
  return oauth.processAuthorizationCodeResponse(server, client, response)
}

const refresh = async (client, authentication, token) =>
  oauth.processRefreshTokenResponse(
    server, client, await oauth.refreshTokenGrantRequest(server, client, authentication, token, http))
const introspect = async (token) =>
  oauth.processIntrospectionResponse(
    server, portal,
    await oauth.introspectionRequest(server, portal, oauth.ClientSecretPost(portalSecret), token, http))
const revoke = async (client, authentication, token) =>
  oauth.processRevocationResponse(await oauth.revocationRequest(server, client, authentication, token, http))
const errorOf = (promise) => promise.then(() => null, (error) => error.error ?? String(error))

const given = await signIn(terminal, oauth.None(), loopback)
const claims = await oauth.validateJwtAccessToken(
  server,
  new Request(`${issuer}/api/v1/me`, { headers: { authorization: `Bearer ${given.access_token}` } }),
  issuer,
  http,
)
const renewed = await refresh(terminal, oauth.None(), given.refresh_token)
const inspected = await introspect(renewed.access_token)
await revoke(terminal, oauth.None(), renewed.refresh_token)

const confidential = await signIn(portal, oauth.ClientSecretBasic(portalSecret), portalCallback)
const confidentialRenewed = await refresh(portal, oauth.ClientSecretBasic(portalSecret), confidential.refresh_token)
await revoke(portal, oauth.ClientSecretBasic(portalSecret), confidentialRenewed.access_token)

const begun = await oauth.processDeviceAuthorizationResponse(
  server, terminal,
  await oauth.deviceAuthorizationRequest(server, terminal, oauth.None(), { scope: 'account:read' }, http))
const poll = async () =>
  oauth.processDeviceCodeResponse(
    server, terminal,
    await oauth.deviceCodeGrantRequest(server, terminal, oauth.None(), begun.device_code, http))
const pending = await errorOf(poll())
const impatient = await errorOf(poll())
await approveDevice(begun.user_code)
const device = await poll()

report({
  claims,
  scopes: [given.scope, renewed.scope, device.scope],
  rotated: given.refresh_token !== renewed.refresh_token,
  inspected,
  afterRevocation: [await introspect(renewed.access_token), await introspect(confidentialRenewed.refresh_token)],
  refreshAfterRevocation: await errorOf(refresh(terminal, oauth.None(), renewed.refresh_token)),
  polls: [pending, impatient],
  device: await introspect(device.access_token),
})
process.exit(0)
