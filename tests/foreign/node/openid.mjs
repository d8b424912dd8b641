// openid-client (certified by the OpenID Foundation) and a browser with a passkey, through every flow of the provider.
//
// Reads from its standard input JSON: `issuer`, `code` (an officer's one-time code), `username`, `shots` (a folder), `clients`
// (what each was registered as, by name, `client_id` and `client_secret` with it), `keys` (private keys in JWK, by client),
// `backchannel` (the port of the receiver), `tls` (files of a key and a certificate), `machine` (the same of a machine of this
// installation), `registration` (the token with which applications register themselves). Prints a line for each step that held; ends with 1 at the first that does not.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { text } from 'node:stream/consumers'

import * as jose from 'jose'
import * as oidc from 'openid-client'
import * as undici from 'undici'

import { launch, person } from './browser.mjs'
import { agree, confirm, redeemCode, registerPasskey, signInWithPasskey } from './pages.mjs'

const AAL2 = 'http://idmanagement.gov/ns/assurance/aal/2'
const { issuer, code, username, shots, clients, keys, backchannel, tls, machine, registration } = JSON.parse(await text(process.stdin))

// ---- the parties ---------------------------------------------------------------------------------------------------

const charts = 'https://charts.example'
/** Where the applications are, whatever their names: all that counts is the address that a browser is sent to. */
const pages = createSecureServer({ key: readFileSync(tls.key), cert: readFileSync(tls.certificate) }, (_, response) => {
  response.setHeader('content-type', 'text/html')
  response.end('<!doctype html><title>Charts</title><h1>Charts</h1>')
})
await new Promise((listening) => pages.listen(0, '127.0.0.1', listening))
const browser = await launch({ 'charts.example': pages.address().port, 'ward.example': pages.address().port })
const nurse = await person(browser, { shots })

const logouts = []
const receiver = createServer(async (request, response) => {
  logouts.push({ path: request.url, type: request.headers['content-type'], body: await text(request) })
  response.setHeader('cache-control', 'no-store')
  response.end()
}).listen(backchannel, '127.0.0.1')

const algorithm = (jwk) => ({ name: 'ECDSA', namedCurve: jwk.crv })
async function configuration(name) {
  const { client_id, client_secret, token_endpoint_auth_method: method } = clients[name]
  const authenticate = {
    client_secret_basic: () => oidc.ClientSecretBasic(client_secret),
    client_secret_post: () => oidc.ClientSecretPost(client_secret),
    none: () => oidc.None(),
    tls_client_auth: () => oidc.TlsClientAuth(),
    private_key_jwt: async () => {
      const key = await crypto.subtle.importKey('jwk', keys[name], algorithm(keys[name]), false, ['sign'])
      return oidc.PrivateKeyJwt({ key, kid: keys[name].kid })
    },
  }[method]
  const options = method === 'tls_client_auth' ? { [oidc.customFetch]: overMachine } : undefined
  const config = await oidc.discovery(new URL(issuer), client_id, clients[name], await authenticate(), options)
  // The signatures of ID tokens are checked, too, though they came over TLS.
  oidc.enableNonRepudiationChecks(config)
  return config
}

/** Connections that show the machine's certificate. */
const agent = new undici.Agent({
  connect: { key: readFileSync(machine.key), cert: readFileSync(machine.certificate) },
})
const overMachine = (url, options) => undici.fetch(url, { ...options, dispatcher: agent })

/** An application that registers itself. */
async function registerItself(name, metadata) {
  const options = { initialAccessToken: registration }
  const whole = { token_endpoint_auth_method: 'client_secret_post', ...metadata }
  const config = await oidc.dynamicClientRegistration(new URL(issuer), whole, undefined, options)
  clients[name] = config.clientMetadata()
  return config
}

/** A request for a code, and all that its answer is checked with. */
async function request(config, name, more = {}, push = false) {
  const verifier = oidc.randomPKCECodeVerifier()
  const state = oidc.randomState()
  const nonce = oidc.randomNonce()
  const parameters = {
    redirect_uri: clients[name].redirect_uris[0],
    scope: 'openid profile',
    code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state,
    nonce,
    ...more,
  }
  const { dpop, ...sent } = parameters
  const options = dpop ? { DPoP: dpop } : undefined
  const url = push
    ? await oidc.buildAuthorizationUrlWithPAR(config, sent, options)
    : oidc.buildAuthorizationUrl(config, sent)
  const expected = { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true }
  return { url, expected }
}

/** Where the browser ends up with the answer. `through` does what the pages ask. */
async function answer(someone, url, redirect, through = async () => {}) {
  const back = (target) => String(target).startsWith(redirect)
  await someone.page.goto('about:blank')
  const arrived = someone.page.waitForURL(back)
  arrived.catch(() => {})
  await someone.page.goto(String(url), { waitUntil: 'commit' }).catch((error) => {
    if (!back(someone.page.url())) throw error
  })
  await through(someone)
  await arrived
  return new URL(someone.page.url())
}

async function codeFlow(config, name, { more, push, through, someone = nurse, grant } = {}) {
  const { url, expected } = await request(config, name, more, push)
  const back = await answer(someone, url, clients[name].redirect_uris[0], through)
  assert.equal(back.searchParams.get('iss'), issuer, 'RFC 9207')
  return oidc.authorizationCodeGrant(config, back, { ...expected, ...(grant?.checks ?? {}) }, undefined, grant?.options)
}

const refused = async (promise, error) => {
  const thrown = await promise.then(() => undefined, (thrown) => thrown)
  assert.ok(thrown, `${error} was expected, and it went well`)
  assert.equal(thrown.error ?? thrown.cause?.error ?? String(thrown), error)
  return thrown
}

// ---- the steps -----------------------------------------------------------------------------------------------------

const steps = {
  async 'discovery and keys'() {
    const config = await configuration('charts')
    const metadata = config.serverMetadata()
    assert.equal(metadata.issuer, issuer)
    assert.deepEqual(metadata.code_challenge_methods_supported, ['S256'])
    assert.equal(metadata.authorization_response_iss_parameter_supported, true)
    assert.equal(metadata.backchannel_logout_supported, true)
    const { keys } = await (await fetch(metadata.jwks_uri)).json()
    assert.ok(keys.length > 0 && keys.every((key) => key.kid && key.use === 'sig' && !('d' in key)))
  },

  async 'a code registers a passkey on the real page, and goes on to the application'() {
    const config = await configuration('charts')
    const tokens = await codeFlow(config, 'charts', {
      through: async () => {
        await redeemCode(nurse, code)
        await registerPasskey(nurse)
      },
    })
    const claims = tokens.claims()
    assert.ok(claims.sub && claims.sid && claims.auth_time)
    assert.ok([AAL2, 'phr', 'phrh'].includes(claims.acr) || claims.acr.startsWith(AAL2.slice(0, -1)), claims.acr)
    assert.ok(claims.amr.includes('mfa'), String(claims.amr))
    assert.ok(!claims.amr.includes('face'), 'no face was compared')
  },

  async 'a browser that is signed on shows no page'() {
    const config = await configuration('charts')
    const tokens = await codeFlow(config, 'charts')
    const claims = tokens.claims()
    const userinfo = await oidc.fetchUserInfo(config, tokens.access_token, claims.sub)
    assert.equal(userinfo.preferred_username, username)
    const header = jose.decodeProtectedHeader(tokens.access_token)
    assert.equal(header.typ, 'at+jwt', 'RFC 9068')
    const { payload } = await jose.jwtVerify(
      tokens.access_token, jose.createRemoteJWKSet(new URL(config.serverMetadata().jwks_uri)), { issuer, typ: 'at+jwt' })
    assert.equal(payload.client_id, clients.charts.client_id)
  },

  async 'tokens that are signed with EdDSA'() {
    const config = await configuration('rounds')
    const tokens = await codeFlow(config, 'rounds')
    assert.equal(jose.decodeProtectedHeader(tokens.id_token).alg, 'EdDSA')
    const { protectedHeader } = await jose.jwtVerify(
      tokens.access_token, jose.createRemoteJWKSet(new URL(config.serverMetadata().jwks_uri)), { issuer, typ: 'at+jwt' })
    assert.equal(protectedHeader.alg, 'EdDSA')
    assert.equal((await oidc.fetchUserInfo(config, tokens.access_token, tokens.claims().sub)).preferred_username, username)
    const resource = await configuration('gateway')
    assert.equal((await oidc.tokenIntrospection(resource, tokens.access_token)).active, true)
  },

  async 'a passkey signs a browser on'() {
    const config = await configuration('charts')
    await nurse.context.clearCookies()
    const tokens = await codeFlow(config, 'charts', { through: () => signInWithPasskey(nurse) })
    assert.ok(tokens.claims().amr.includes('mfa'))
  },

  async 'a pushed request'() {
    const config = await configuration('charts')
    const tokens = await codeFlow(config, 'charts', { push: true })
    assert.ok(tokens.claims())
    const { url } = await request(config, 'charts', {}, true)
    await answer(nurse, url, clients.charts.redirect_uris[0])
    await nurse.page.goto(String(url))
    assert.ok(!nurse.page.url().startsWith(charts), 'a pushed request counts once')
  },

  async 'a form post'() {
    const config = await configuration('charts')
    const { url, expected } = await request(config, 'charts', { response_mode: 'form_post' })
    const posted = nurse.page.waitForRequest((sent) => sent.url() === clients.charts.redirect_uris[0] && sent.method() === 'POST')
    await nurse.page.goto(String(url), { waitUntil: 'commit' })
    const body = (await posted).postData()
    const back = new Request(clients.charts.redirect_uris[0], {
      method: 'POST', body, headers: { 'content-type': 'application/x-www-form-urlencoded' },
    })
    assert.ok((await oidc.authorizationCodeGrant(config, back, expected)).claims())
  },

  async 'prompt=none says that nobody is signed on'() {
    const config = await configuration('charts')
    const stranger = await person(browser)
    const flow = codeFlow(config, 'charts', { more: { prompt: 'none' }, someone: stranger })
    await refused(flow, 'login_required')
    await stranger.context.close()
  },

  async 'prompt=login and max_age ask anew'() {
    const config = await configuration('charts')
    const before = (await codeFlow(config, 'charts')).claims().auth_time
    await new Promise((done) => setTimeout(done, 1100))
    const login = await codeFlow(config, 'charts', { more: { prompt: 'login' }, through: () => confirm(nurse) })
    assert.ok(login.claims().auth_time > before)
    await new Promise((done) => setTimeout(done, 1100))
    const grant = { checks: { maxAge: 1 } }
    const aged = await codeFlow(config, 'charts', { more: { max_age: '1' }, through: () => confirm(nurse), grant })
    assert.ok(aged.claims().auth_time > login.claims().auth_time)
  },

  async 'acr_values are answered truthfully'() {
    const config = await configuration('charts')
    const tokens = await codeFlow(config, 'charts', { more: { acr_values: AAL2 } })
    assert.equal(tokens.claims().acr, AAL2)
  },

  async 'a code counts once, and what it gave ends when it is used twice'() {
    const config = await configuration('charts')
    const { url, expected } = await request(config, 'charts')
    const back = await answer(nurse, url, clients.charts.redirect_uris[0])
    const tokens = await oidc.authorizationCodeGrant(config, back, expected)
    await refused(oidc.authorizationCodeGrant(config, back, expected), 'invalid_grant')
    const resource = await configuration('gateway')
    assert.equal((await oidc.tokenIntrospection(resource, tokens.access_token)).active, false)
  },

  async 'a code is of no use with another verifier'() {
    const config = await configuration('charts')
    const { url, expected } = await request(config, 'charts')
    const back = await answer(nurse, url, clients.charts.redirect_uris[0])
    const other = { ...expected, pkceCodeVerifier: oidc.randomPKCECodeVerifier() }
    await refused(oidc.authorizationCodeGrant(config, back, other), 'invalid_grant')
  },

  async 'refresh tokens rotate, and a used one ends the family'() {
    const config = await configuration('charts')
    const first = await codeFlow(config, 'charts', { more: { scope: 'openid offline_access', prompt: 'consent' }, through: agree })
    assert.ok(first.refresh_token)
    const second = await oidc.refreshTokenGrant(config, first.refresh_token)
    assert.notEqual(second.refresh_token, first.refresh_token)
    const resource = await configuration('gateway')
    assert.equal((await oidc.tokenIntrospection(resource, second.access_token)).active, true)
    await refused(oidc.refreshTokenGrant(config, first.refresh_token), 'invalid_grant')
    await refused(oidc.refreshTokenGrant(config, second.refresh_token), 'invalid_grant')
    assert.equal((await oidc.tokenIntrospection(resource, second.access_token)).active, false)
  },

  async 'revocation'() {
    const config = await configuration('charts')
    const tokens = await codeFlow(config, 'charts', { more: { scope: 'openid offline_access', prompt: 'consent' }, through: agree })
    const resource = await configuration('gateway')
    const seen = await oidc.tokenIntrospection(resource, tokens.access_token)
    assert.equal(seen.active, true)
    assert.equal(seen.client_id, clients.charts.client_id)
    await oidc.tokenRevocation(config, tokens.refresh_token)
    await refused(oidc.refreshTokenGrant(config, tokens.refresh_token), 'invalid_grant')
    assert.equal((await oidc.tokenIntrospection(resource, tokens.access_token)).active, false)
  },

  async 'DPoP with the nonce that the server wants'() {
    const config = await configuration('native')
    const dpop = oidc.getDPoPHandle(config, await oidc.randomDPoPKeyPair('ES256'))
    const tokens = await codeFlow(config, 'native', { more: { dpop }, grant: { options: { DPoP: dpop } } })
    assert.equal(tokens.token_type, 'dpop')
    const claims = tokens.claims()
    const userinfo = await oidc.fetchUserInfo(config, tokens.access_token, claims.sub, { DPoP: dpop })
    assert.equal(userinfo.sub, claims.sub)
    const { userinfo_endpoint } = config.serverMetadata()
    const bearer = await fetch(userinfo_endpoint, { headers: { authorization: `Bearer ${tokens.access_token}` } })
    assert.equal(bearer.status, 401, 'a bound token is of no use without its key')
    const other = oidc.getDPoPHandle(config, await oidc.randomDPoPKeyPair('ES256'))
    const stolen = await oidc.fetchUserInfo(config, tokens.access_token, claims.sub, { DPoP: other }).then(() => 'taken', () => 'refused')
    assert.equal(stolen, 'refused')
  },

  async 'client_credentials with private_key_jwt'() {
    const config = await configuration('backend')
    const tokens = await oidc.clientCredentialsGrant(config, { scope: 'system/Observation.rs' })
    assert.equal(tokens.scope, 'system/Observation.rs')
    assert.equal(tokens.refresh_token, undefined)
    const resource = await configuration('gateway')
    const seen = await oidc.tokenIntrospection(resource, tokens.access_token)
    assert.equal(seen.active, true)
    assert.equal(seen.client_id, clients.backend.client_id)
  },

  async 'token exchange is for workstations alone'() {
    const config = await configuration('backend')
    const charted = await codeFlow(await configuration('charts'), 'charts')
    const exchange = (type, token) =>
      oidc.genericGrantRequest(config, 'urn:ietf:params:oauth:grant-type:token-exchange', {
        subject_token: token,
        subject_token_type: type,
      })
    await refused(exchange('urn:ietf:params:oauth:token-type:access_token', charted.access_token), 'invalid_request')
    await refused(exchange('urn:imp:token-type:session', crypto.randomUUID()), 'invalid_client')
  },

  async 'a device is let in by somebody with a browser'() {
    const config = await configuration('monitor')
    const device = await oidc.initiateDeviceAuthorization(config, { scope: 'openid profile' })
    assert.match(device.user_code, /^[A-Z0-9-]+$/)
    await nurse.page.goto(device.verification_uri_complete)
    await agree(nurse)
    const tokens = await oidc.pollDeviceAuthorizationGrant(config, { ...device, interval: 1 })
    assert.equal(tokens.claims().aud, clients.monitor.client_id)
  },

  async 'tokens that are bound to a certificate are of no use without it'() {
    const config = await configuration('bound')
    const tokens = await codeFlow(config, 'bound')
    const { payload } = await jose.jwtVerify(
      tokens.access_token, jose.createRemoteJWKSet(new URL(config.serverMetadata().jwks_uri)), { issuer, typ: 'at+jwt' })
    assert.equal(typeof payload.cnf['x5t#S256'], 'string', 'RFC 8705 §3.1')
    const claims = tokens.claims()
    assert.equal((await oidc.fetchUserInfo(config, tokens.access_token, claims.sub)).sub, claims.sub)
    const headers = { authorization: `Bearer ${tokens.access_token}` }
    assert.equal((await fetch(config.serverMetadata().userinfo_endpoint, { headers })).status, 401)
    const without = await oidc.discovery(new URL(issuer), clients.bound.client_id, clients.bound, oidc.TlsClientAuth())
    await assert.rejects(oidc.refreshTokenGrant(without, tokens.refresh_token))
    const renewed = await oidc.refreshTokenGrant(config, tokens.refresh_token)
    assert.equal(jose.decodeJwt(renewed.access_token).cnf['x5t#S256'], payload.cnf['x5t#S256'])
  },

  async 'an application registers itself, and people are asked before it learns of them'() {
    const metadata = {
      client_name: 'Rota',
      redirect_uris: ['https://charts.example/rota'],
      grant_types: ['authorization_code'],
      response_types: ['code'],
      scope: 'openid profile',
    }
    const without = oidc.dynamicClientRegistration(new URL(issuer), metadata)
    await without.then(() => assert.fail('nobody registers without the token'), () => {})
    const config = await registerItself('rota', metadata)
    assert.ok(clients.rota.client_id && clients.rota.client_secret)
    const tokens = await codeFlow(config, 'rota', { through: agree })
    assert.equal(tokens.claims().aud, clients.rota.client_id)
    const own = { headers: { authorization: `Bearer ${clients.rota.registration_access_token}` } }
    const shown = await fetch(clients.rota.registration_client_uri, own)
    assert.equal((await shown.json()).client_name, 'Rota', 'RFC 7592')
    const removed = await fetch(clients.rota.registration_client_uri, { ...own, method: 'DELETE' })
    assert.equal(removed.status, 204)
    await assert.rejects(oidc.clientCredentialsGrant(config))
  },

  async 'pairwise applications cannot match their users'() {
    const register = (name, redirect) =>
      registerItself(name, { client_name: name, redirect_uris: [redirect], subject_type: 'pairwise', scope: 'openid' })
    const ward = await register('ward', 'https://ward.example/callback')
    const other = await register('other', 'https://charts.example/other')
    const same = await register('same', 'https://charts.example/same')
    const sign = async (config, name) => (await codeFlow(config, name, { more: { scope: 'openid' }, through: agree })).claims()
    const [one, two, three] = [await sign(ward, 'ward'), await sign(other, 'other'), await sign(same, 'same')]
    const known = (await codeFlow(await configuration('charts'), 'charts')).claims()
    assert.notEqual(one.sub, two.sub)
    assert.equal(two.sub, three.sub, 'one sector')
    assert.ok(![one.sub, two.sub].includes(known.sub))
    assert.equal(new Set([one.sid, two.sid, three.sid, known.sid]).size, 4, 'a session has a name for each application')
    assert.ok(!JSON.stringify(one).includes(known.sub))
  },

  async 'signing out tells applications by the back channel'() {
    const config = await configuration('charts')
    await nurse.context.clearCookies()
    const tokens = await codeFlow(config, 'charts', { through: () => signInWithPasskey(nurse) })
    const before = logouts.length
    const state = oidc.randomState()
    const url = oidc.buildEndSessionUrl(config, {
      id_token_hint: tokens.id_token,
      post_logout_redirect_uri: clients.charts.post_logout_redirect_uris[0],
      state,
    })
    const back = await answer(nurse, url, clients.charts.post_logout_redirect_uris[0])
    assert.equal(back.searchParams.get('state'), state)
    for (let tries = 0; logouts.length === before && tries < 200; tries += 1) await new Promise((done) => setTimeout(done, 50))
    const told = logouts.slice(before)
    assert.equal(told.length, 1)
    assert.equal(told[0].type, 'application/x-www-form-urlencoded')
    const token = new URLSearchParams(told[0].body).get('logout_token')
    const { payload } = await jose.jwtVerify(
      token, jose.createRemoteJWKSet(new URL(config.serverMetadata().jwks_uri)),
      { issuer, audience: clients.charts.client_id, typ: 'logout+jwt' })
    assert.deepEqual(payload.events, { 'http://schemas.openid.net/event/backchannel-logout': {} })
    assert.equal(payload.sid, tokens.claims().sid)
    assert.equal(payload.sub, tokens.claims().sub)
    assert.ok(payload.jti && !('nonce' in payload))
    const resource = await configuration('gateway')
    assert.equal((await oidc.tokenIntrospection(resource, tokens.access_token)).active, false)
    await refused(codeFlow(config, 'charts', { more: { prompt: 'none' } }), 'login_required')
  },
}

// ---- the run -------------------------------------------------------------------------------------------------------

let status = 0
for (const [name, step] of Object.entries(steps)) {
  try {
    await step()
    console.log(`ok ${name}`)
  } catch (error) {
    console.log(`not ok ${name}\n${error.stack}\n${error.cause?.stack ?? JSON.stringify(error.cause ?? {}, null, 1)}`)
    console.log(`the browser is at ${nurse.page.url()}\n${await nurse.page.locator('body').innerText().catch(() => '')}`)
    console.log(nurse.failures.join('\n'))
    await nurse.shot('failed')
    status = 1
    break
  }
}
await browser.close()
pages.close()
receiver.close()
process.exit(status)
