// openid-client (certified by the OpenID Foundation) and Chromium at a workstation where a nurse taps in: what applications of a
// desktop need beyond `openid.mjs`.
//
// The first line of its standard input is JSON: `issuer`, `username`, `session` (hers), `clients` (what each was registered as, by
// name), `tls` (files of a key and a certificate for the pages), `machine` (those of the workstation), `workstation` (its name),
// `shots` (a folder), `now` (the hospital's clock, in milliseconds). Whatever else happens in the hospital it asks for by a line
// `please …`, and goes on when the next line of its input says what time it is there. Prints a line for each step that held; ends with 1 at the first that does not.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'
import { createInterface } from 'node:readline'

import * as jose from 'jose'
import * as oidc from 'openid-client'
import * as undici from 'undici'

import { launch, person } from './browser.mjs'

const AAL1 = 'http://idmanagement.gov/ns/assurance/aal/1'
const AAL2 = 'http://idmanagement.gov/ns/assurance/aal/2'
const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'
const TOKEN = { access: 'urn:ietf:params:oauth:token-type:access_token', id: 'urn:ietf:params:oauth:token-type:id_token' }

// ---- the hospital --------------------------------------------------------------------------------------------------

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const line = async () => (await lines.next()).value
const { issuer, username, session, clients, tls, machine, workstation, shots, now } = JSON.parse(await line())

// The hospital's time passes when it is told to, and that of the clients with it.
const clock = Date.now.bind(Date)
let ahead = now - clock()
Date.now = () => clock() + ahead

/** Something happens outside of this program. */
async function please(what) {
  console.log(`please ${what}`)
  const there = Number(await line())
  assert.ok(there > 0, what)
  ahead = there - clock()
}
const pass = (seconds) => please(`advance ${seconds}`)

// ---- the parties ---------------------------------------------------------------------------------------------------

const pages = createServer({ key: readFileSync(tls.key), cert: readFileSync(tls.certificate) }, (_, response) => {
  response.setHeader('content-type', 'text/html')
  response.end('<!doctype html><title>Charts</title><h1>Charts</h1>')
})
await new Promise((listening) => pages.listen(0, '127.0.0.1', listening))
const browser = await launch({ 'charts.example': pages.address().port })
const nurse = await person(browser, { shots })
const { page } = nurse

/** Connections that show the workstation's certificate. */
const agent = new undici.Agent({ connect: { key: readFileSync(machine.key), cert: readFileSync(machine.certificate) } })
const overMachine = (url, options) => undici.fetch(url, { ...options, dispatcher: agent })

/** An application, which checks the signature of each ID token. */
async function configuration(name, overWorkstation = false) {
  const { client_id, client_secret } = clients[name]
  const proof = overWorkstation ? oidc.None() : oidc.ClientSecretBasic(client_secret)
  const options = overWorkstation ? { [oidc.customFetch]: overMachine } : undefined
  const config = await oidc.discovery(new URL(issuer), client_id, overWorkstation ? {} : clients[name], proof, options)
  oidc.enableNonRepudiationChecks(config)
  return config
}
const charts = await configuration('charts')
const gateway = await configuration('gateway')
const keySet = () => jose.createRemoteJWKSet(new URL(charts.serverMetadata().jwks_uri))
const verify = (token, more) => jose.jwtVerify(token, keySet(), { issuer, currentDate: new Date(Date.now()), ...more })
const isActive = async (token) => (await oidc.tokenIntrospection(gateway, token)).active

/** Signs her on; `through` does what the pages ask. */
async function signOn(config, name, { more = {}, checks = {}, through = async () => {} } = {}) {
  const verifier = oidc.randomPKCECodeVerifier()
  const [state, nonce, redirect] = [oidc.randomState(), oidc.randomNonce(), clients[name].redirect_uris[0]]
  const url = oidc.buildAuthorizationUrl(config, {
    redirect_uri: redirect, scope: 'openid profile', state, nonce,
    code_challenge: await oidc.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256', ...more,
  })
  const back = (target) => String(target).startsWith(redirect)
  await page.goto('about:blank')
  const arrived = page.waitForURL(back)
  arrived.catch(() => {})
  await page.goto(String(url), { waitUntil: 'commit' }).catch((error) => {
    if (!back(page.url())) throw error
  })
  await through()
  await arrived
  const expected = { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true, ...checks }
  return oidc.authorizationCodeGrant(config, new URL(page.url()), expected)
}

/** The page says that she has to tap; she confirms on the page of the agent, and taps. */
async function stepUp() {
  await page.locator('#step-up').click()
  await page.waitForURL((url) => url.hostname === '127.0.0.1')
  assert.match(await page.locator('p').first().innerText(), /Charts asks you to confirm/)
  await nurse.shot('step-up')
  await page.getByRole('button', { name: 'Confirm' }).click()
}

const exchange = (config, more = {}) =>
  oidc.genericGrantRequest(config, EXCHANGE, {
    subject_token: session, subject_token_type: 'urn:imp:token-type:session', ...more,
  })

const refused = async (promise, error) => {
  const thrown = await promise.then(() => undefined, (thrown) => thrown)
  assert.ok(thrown, `${error} was expected, and it went well`)
  assert.equal(thrown.error ?? thrown.cause?.error ?? String(thrown), error)
}

const kid = (token) => jose.decodeProtectedHeader(token).kid
const published = async () => (await (await fetch(charts.serverMetadata().jwks_uri)).json()).keys.map((key) => key.kid)

// ---- the steps -----------------------------------------------------------------------------------------------------

const steps = {
  async 'the browser of her desktop is signed on without a page'() {
    const claims = (await signOn(charts, 'charts')).claims()
    assert.deepEqual(claims.amr, ['face', 'hwk', 'mfa'])
    assert.equal(claims.acr ?? AAL2, AAL2)
  },

  async 'her workstation exchanges her session for tokens of a native application'() {
    for (const [name, alg] of [['dictation', 'ES256'], ['scribe', 'EdDSA']]) {
      const config = await configuration(name, true)
      const tokens = await exchange(config)
      assert.equal(tokens.issued_token_type, TOKEN.access)
      const { payload, protectedHeader } = await verify(tokens.access_token, { typ: 'at+jwt' })
      assert.equal(protectedHeader.alg, alg)
      assert.equal(payload.client_id, clients[name].client_id)
      assert.equal(payload.act.sub, workstation, 'who acts in her name (RFC 8693 §4.1)')
      assert.deepEqual(payload.amr, ['face', 'hwk', 'mfa'])
      assert.equal(await isActive(tokens.access_token), true)
      const userinfo = await oidc.fetchUserInfo(config, tokens.access_token, payload.sub)
      assert.equal(userinfo.preferred_username, username)
      const identity = await exchange(config, { requested_token_type: TOKEN.id })
      assert.equal(identity.issued_token_type, TOKEN.id)
      const said = await verify(identity.access_token, { audience: clients[name].client_id })
      assert.equal(said.protectedHeader.alg, alg)
      assert.equal(said.payload.sub, payload.sub)
    }
  },

  async 'nobody else exchanges it'() {
    await refused(exchange(await configuration('dictation')), 'invalid_client')
    await refused(exchange(await configuration('dictation', true), { subject_token: crypto.randomUUID() }), 'invalid_grant')
    await refused(exchange(await configuration('charts', true)), 'invalid_client')
  },

  async 'an application has its tokens signed with EdDSA'() {
    const config = await configuration('rota')
    const tokens = await signOn(config, 'rota')
    assert.equal(jose.decodeProtectedHeader(tokens.id_token).alg, 'EdDSA')
    const { protectedHeader } = await verify(tokens.access_token, { typ: 'at+jwt' })
    assert.equal(protectedHeader.alg, 'EdDSA')
    const renewed = await oidc.refreshTokenGrant(config, tokens.refresh_token)
    assert.equal(renewed.claims().sub, tokens.claims().sub)
    assert.equal(await isActive(renewed.access_token), true)
  },

  async 'keys change between two sign-ins, and what the old ones signed still counts'() {
    const before = await published()
    await please('rotate')
    const shown = await published()
    assert.equal(shown.length, before.length * 2, 'the next ones are shown …')
    const config = await configuration('charts')
    const first = await signOn(config, 'charts')
    assert.ok(before.includes(kid(first.access_token)), '… and do not sign yet')
    await please('come close to the change')
    const last = await signOn(config, 'charts')
    assert.equal(kid(last.id_token), kid(first.id_token))
    await pass(60)
    // The same client, which never heard of a change.
    const next = await signOn(config, 'charts')
    assert.ok(!before.includes(kid(next.id_token)) && shown.includes(kid(next.id_token)))
    assert.notEqual(kid(next.access_token), kid(last.access_token))
    assert.ok((await published()).includes(kid(last.access_token)))
    await verify(last.access_token, { typ: 'at+jwt' })
    assert.equal(await isActive(last.access_token), true)
    await oidc.fetchUserInfo(config, last.access_token, last.claims().sub)
    const renewed = await oidc.refreshTokenGrant(config, last.refresh_token)
    assert.equal(kid(renewed.access_token), kid(next.access_token))
  },

  async 'acr_values lead to a tap: the application asks, the workstation taps'() {
    await please('resume by the phone alone')
    const weak = (await signOn(charts, 'charts')).claims()
    assert.deepEqual([weak.acr, weak.amr], [AAL1, ['hwk']], 'and this is what is said of it')
    await pass(5)
    const strong = (await signOn(charts, 'charts', { more: { acr_values: AAL2 }, through: stepUp })).claims()
    assert.deepEqual([strong.acr, strong.amr], [AAL2, ['face', 'hwk', 'mfa']])
    assert.ok(strong.auth_time > weak.auth_time)
    assert.equal(strong.sub, weak.sub)
    const again = (await signOn(charts, 'charts', { more: { acr_values: AAL2 } })).claims()
    assert.equal(again.auth_time, strong.auth_time, 'nobody is asked twice')
  },

  async 'max_age leads to a tap'() {
    const before = (await signOn(charts, 'charts')).claims()
    await pass(600)
    const aged = { more: { max_age: '60' }, checks: { maxAge: 60 } }
    const after = (await signOn(charts, 'charts', { ...aged, through: stepUp })).claims()
    assert.ok(after.auth_time >= before.auth_time + 600)
    assert.deepEqual(after.amr, ['face', 'hwk', 'mfa'])
  },

  async 'she walks away, and nothing counts any more'() {
    const tokens = await signOn(charts, 'charts')
    const dictation = await configuration('dictation', true)
    const exchanged = await exchange(dictation)
    assert.deepEqual([await isActive(tokens.access_token), await isActive(exchanged.access_token)], [true, true])
    await please('lock')
    assert.deepEqual([await isActive(tokens.access_token), await isActive(exchanged.access_token)], [false, false])
    await refused(oidc.refreshTokenGrant(charts, tokens.refresh_token), 'invalid_grant')
    await refused(exchange(dictation), 'invalid_grant')
    await refused(signOn(charts, 'charts', { more: { prompt: 'none' } }), 'login_required')
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
    console.log(`the browser is at ${page.url()}\n${await page.locator('body').innerText().catch(() => '')}`)
    console.log(nurse.failures.join('\n'))
    await nurse.shot('failed')
    status = 1
    break
  }
}
await browser.close()
pages.close()
process.exit(status)
