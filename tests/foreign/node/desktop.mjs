// Chromium on the desktop of a workstation: the real sign-in page, and the real broker of the agent beside it.
//
// Reads from its standard input JSON: `issuer`, `authorize` (what an application sends its user to), `scene`, `shots` (a folder),
// `tls` (files of a key and a certificate for the application). Prints a line for each step that held; ends with 1 at the first that does not.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'
import { text } from 'node:stream/consumers'

import { launch, person } from './browser.mjs'

const { issuer, authorize, scene, shots, tls } = JSON.parse(await text(process.stdin))

const application = createServer({ key: readFileSync(tls.key), cert: readFileSync(tls.certificate) }, (_, response) => {
  response.setHeader('content-type', 'text/html')
  response.end('<!doctype html><title>Charts</title><h1>Charts</h1>')
})
await new Promise((listening) => application.listen(0, '127.0.0.1', listening))
const browser = await launch({ 'charts.example': application.address().port })
const nurse = await person(browser, { shots })
const { page } = nurse
const arrived = () => page.waitForURL((url) => url.host === 'charts.example')
const ok = (what) => console.log(`ok ${what}`)

const scenes = {
  /** She has tapped in. */
  async open() {
    const seen = []
    page.on('framenavigated', (frame) => seen.push(frame.url()))
    await page.goto(authorize, { waitUntil: 'commit' })
    await arrived()
    const back = new URL(page.url())
    assert.ok(back.searchParams.get('code'), String(back))
    assert.equal(back.searchParams.get('iss'), issuer)
    ok('she is at the application without having pressed anything')
  },

  /** The application wants to know anew who is there. */
  async stepUp() {
    await page.goto(authorize)
    await page.locator('#step-up').waitFor()
    await nurse.shot('step-up-wanted')
    assert.equal(await page.locator('#use-desktop').isVisible(), false)
    ok('the page says that she has to tap again')
    await page.locator('#step-up').click()
    await page.waitForURL((url) => url.hostname === '127.0.0.1')
    assert.equal(await page.locator('h1').innerText(), 'Nurse ada')
    assert.match(await page.locator('p').first().innerText(), /Charts asks you to confirm/)
    await nurse.shot('step-up-press')
    ok("the agent's own page says who asks, and whom")
    await page.getByRole('button', { name: 'Confirm' }).click()
    await arrived()
    assert.ok(new URL(page.url()).searchParams.get('code'), page.url())
    ok('she pressed, tapped, and is at the application')
  },

  /** The desktop is locked, or nobody's. */
  async locked() {
    await page.goto(authorize)
    await page.locator('#tapped-in').waitFor()
    await nurse.shot('locked')
    for (const way of ['#use-passkey', '#use-security-key', '#use-phone', '#use-desktop']) {
      assert.equal(await page.locator(way).isVisible(), false, way)
    }
    assert.ok(await page.locator('#code').isVisible(), 'a first passkey can be registered anywhere')
    assert.match(await page.locator('#error').innerText(), /Nobody is signed in at this workstation/)
    ok('the page asks for a tap first')
    await page.locator('#languages a[hreflang=it]').click()
    await page.locator('#tapped-in').waitFor()
    assert.equal(await page.locator('html').getAttribute('lang'), 'it')
    assert.match(await page.locator('#error').innerText(), /A questa postazione nessuno/)
    await nurse.shot('locked-it')
    ok('and in Italian, when she wants that')
    await page.goto(`${issuer}/account`)
    await page.locator('#tapped-in').waitFor()
    assert.equal(await page.locator('h1').innerText(), 'Accedi', 'the choice stays')
    await page.locator('#languages a[hreflang=el]').click()
    await page.locator('#tapped-in').waitFor()
    assert.equal(await page.locator('h1').innerText(), 'Σύνδεση')
    assert.match(await page.locator('.application').innerText(), /Ο λογαριασμός σας/)
    await nurse.shot('locked-el')
    ok('and in Greek')
  },
}

let status = 0
try {
  await scenes[scene]()
} catch (error) {
  console.log(`not ok ${scene}\n${error.stack}`)
  console.log(`the browser is at ${page.url()}\n${await page.locator('body').innerText().catch(() => '')}`)
  console.log(nurse.failures.join('\n'))
  await nurse.shot('failed')
  status = 1
}
await browser.close()
application.close()
process.exit(status)
