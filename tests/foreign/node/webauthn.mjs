// What the server accepted, verified again by @simplewebauthn/server: a registration and an assertion, byte by byte as Chromium sent
// them; and refused by it when a byte is another one.
//
// Reads from its standard input JSON: `issuer`, `code` (an officer's one-time code), `ceremonies` (a file to write them to, for another
// verifier). Prints a line for each step that held; ends with 1 at the first that does not.
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'

import { verifyAuthenticationResponse, verifyRegistrationResponse } from '@simplewebauthn/server'

import { launch, person } from './browser.mjs'
import { redeemCode, registerPasskey } from './pages.mjs'

const { issuer, code, ceremonies } = JSON.parse(await text(process.stdin))
const browser = await launch()
const nurse = await person(browser)

/** What went over the wire in a ceremony whose paths end with `begin` and `finish`. */
function overheard(path) {
  const heard = {}
  nurse.page.on('response', async (response) => {
    if (response.url() === `${issuer}${path}/begin`) heard.options = (await response.json()).options.publicKey
    if (response.url() === `${issuer}${path}/finish`) {
      heard.answer = response.request().postDataJSON().answer
      heard.accepted = response.ok()
    }
  })
  return heard
}
const registration = overheard('/account/credentials')
const assertion = overheard('/sign-in/passkey')
const expected = { expectedOrigin: issuer, expectedRPID: new URL(issuer).hostname, requireUserVerification: true }
let credential

/** With another last byte but one, which no padding hides. */
const altered = (bytes) => {
  const copy = Buffer.from(bytes, 'base64url')
  copy[copy.length - 2] ^= 1
  return copy.toString('base64url')
}
const refuses = async (promise) => {
  const verdict = await promise.then(({ verified }) => verified, () => false)
  assert.equal(verdict, false)
}

const steps = {
  async 'a passkey is registered and used on the real pages'() {
    await nurse.page.goto(`${issuer}/account`)
    await redeemCode(nurse, code)
    await registerPasskey(nurse)
    await nurse.page.waitForURL((url) => url.pathname === '/account')
    assert.ok(registration.accepted && assertion.accepted)
    writeFileSync(ceremonies, JSON.stringify({ issuer, registration, assertion }))
  },

  async 'the registration holds'() {
    const { options, answer } = registration
    const verify = (response) => verifyRegistrationResponse({ response, expectedChallenge: options.challenge, ...expected })
    const { verified, registrationInfo } = await verify(answer)
    assert.ok(verified && registrationInfo.userVerified)
    credential = registrationInfo.credential
    const data = { ...answer.response, clientDataJSON: altered(answer.response.clientDataJSON) }
    await refuses(verify({ ...answer, response: data }))
  },

  async 'the assertion holds'() {
    const { options, answer } = assertion
    const verify = (response) =>
      verifyAuthenticationResponse({ response, expectedChallenge: options.challenge, credential, ...expected })
    const { verified, authenticationInfo } = await verify(answer)
    assert.ok(verified && authenticationInfo.userVerified)
    const signature = { ...answer.response, signature: altered(answer.response.signature) }
    await refuses(verify({ ...answer, response: signature }))
    const elsewhere = { ...expected, expectedOrigin: 'https://evil.example' }
    await refuses(verifyAuthenticationResponse({
      response: answer, expectedChallenge: options.challenge, credential, ...elsewhere,
    }))
  },
}

let status = 0
for (const [name, step] of Object.entries(steps)) {
  try {
    await step()
    console.log(`ok ${name}`)
  } catch (error) {
    console.log(`not ok ${name}\n${error.stack}\nthe browser is at ${nurse.page.url()}\n${nurse.failures.join('\n')}`)
    status = 1
    break
  }
}
await browser.close()
process.exit(status)
