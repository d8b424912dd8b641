// A browser before pages that Debian's Apache protects, with mod_auth_openidc and with mod_auth_mellon.
//
// Reads from its standard input JSON: `apache` (its address), `code` (an officer's one-time code), `username`, `shots`. Prints a
// line for each step that held; ends with 1 at the first that does not.
import assert from 'node:assert/strict'
import { text } from 'node:stream/consumers'

import { launch, person } from './browser.mjs'
import { redeemCode, registerPasskey, signInWithPasskey } from './pages.mjs'

const { apache, code, username, shots } = JSON.parse(await text(process.stdin))
const browser = await launch()
const nurse = await person(browser, { shots })
const { page } = nurse
const user = () => page.locator('#user').innerText()
const at = (path) => page.waitForURL((url) => String(url).startsWith(`${apache}${path}`))
let session

const steps = {
  async 'mod_auth_openidc lets in whom the server knows'() {
    await page.goto(`${apache}/openid/`)
    await redeemCode(nurse, code)
    await registerPasskey(nurse)
    await at('/openid/')
    assert.equal(await user(), username)
    await nurse.shot('apache-openid')
  },

  async 'mod_auth_mellon lets in the same browser without a page'() {
    await page.goto(`${apache}/saml/`)
    await at('/saml/')
    assert.match(await user(), /^[0-9a-f]{64}$/)
    session = await user()
    await nurse.shot('apache-saml')
  },

  async 'signing out of the SAML application signs out of the OpenID application, too'() {
    const bye = encodeURIComponent(`${apache}/bye.html`)
    await page.goto(`${apache}/saml/mellon/logout?ReturnTo=${bye}`)
    await at('/bye.html')
    await page.goto(`${apache}/saml/`)
    await page.locator('#use-passkey').waitFor()
    for (let tries = 0; tries < 100; tries += 1) {
      await page.goto(`${apache}/openid/`)
      if (!page.url().startsWith(apache)) break
      await page.waitForTimeout(100)
    }
    await page.locator('#use-passkey').waitFor()
  },

  async 'the same person is called the same by SAML'() {
    await page.goto(`${apache}/saml/`)
    await signInWithPasskey(nurse)
    await at('/saml/')
    assert.equal(await user(), session)
  },

  async 'signing out of the OpenID application comes back from the server'() {
    await page.goto(`${apache}/saml/`)
    await at('/saml/')
    await page.goto(`${apache}/openid/`)
    await at('/openid/')
    const bye = encodeURIComponent(`${apache}/bye.html`)
    await page.goto(`${apache}/openid/redirect?logout=${bye}`)
    await at('/bye.html')
    await page.goto(`${apache}/openid/`)
    await page.locator('#use-passkey').waitFor()
  },

  async 'and mod_auth_mellon has heard of it by SOAP, without the browser'() {
    for (let tries = 0; tries < 100; tries += 1) {
      await page.goto(`${apache}/saml/`)
      if (!page.url().startsWith(apache)) break
      await page.waitForTimeout(100)
    }
    await page.locator('#use-passkey').waitFor()
  },
}

let status = 0
for (const [name, step] of Object.entries(steps)) {
  try {
    await step()
    console.log(`ok ${name}`)
  } catch (error) {
    console.log(`not ok ${name}\n${error.stack}`)
    console.log(`the browser is at ${page.url()}\n${await page.locator('body').innerText().catch(() => '')}`)
    console.log(nurse.failures.join('\n'))
    await nurse.shot('apache-failed')
    status = 1
    break
  }
}
await browser.close()
process.exit(status)
