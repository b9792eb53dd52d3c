// openid-client against the backend: the high-level client that most Node servers use.
import * as client from 'openid-client'
import { approveDevice, issuer, loopback, openInBrowser, portalCallback, portalSecret, report } from './person.mjs'

const discover = (clientId, authentication) =>
  client.discovery(new URL(issuer), clientId, undefined, authentication, {
    algorithm: 'oauth2',
    execute: [client.allowInsecureRequests],
  })
const terminal = await discover('insighta-cli', client.None())
const portal = await discover('insighta-portal', client.ClientSecretPost(portalSecret))

async function signIn(config, redirectUri) {
  const pkceCodeVerifier = client.randomPKCECodeVerifier()
  const expectedState = client.randomState()
  const url = client.buildAuthorizationUrl(config, {
    redirect_uri: redirectUri,
    scope: 'account:read bookings:read',
    state: expectedState,
    code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: 'S256',
  })
  return client.authorizationCodeGrant(config, await openInBrowser(url), { pkceCodeVerifier, expectedState })
}

const errorOf = (promise) => promise.then(() => null, (error) => error.error ?? String(error))

const given = await signIn(terminal, loopback)
const me = await client.fetchProtectedResource(terminal, given.access_token, new URL(`${issuer}/api/v1/me`), 'GET')
const renewed = await client.refreshTokenGrant(terminal, given.refresh_token)
const inspected = await client.tokenIntrospection(portal, renewed.access_token)
await client.tokenRevocation(terminal, renewed.refresh_token)

const confidential = await signIn(portal, portalCallback)
const confidentialRenewed = await client.refreshTokenGrant(portal, confidential.refresh_token)
await client.tokenRevocation(portal, confidentialRenewed.access_token)

const begun = await client.initiateDeviceAuthorization(terminal, { scope: 'account:read' })
// The first poll comes after a second, before anybody has approved.
const polling = client.pollDeviceAuthorizationGrant(terminal, { ...begun, interval: 1 })
await new Promise((resolve) => setTimeout(resolve, 1500))
await approveDevice(begun.user_code)
const device = await polling

report({
  login: (await me.json()).login,
  scopes: [given.scope, renewed.scope, device.scope],
  rotated: given.refresh_token !== renewed.refresh_token,
  inspected,
  afterRevocation: [
    await client.tokenIntrospection(portal, renewed.access_token),
    await client.tokenIntrospection(portal, confidentialRenewed.refresh_token),
  ],
  refreshAfterRevocation: await errorOf(client.refreshTokenGrant(terminal, renewed.refresh_token)),
  device: await client.tokenIntrospection(portal, device.access_token),
})
process.exit(0)
