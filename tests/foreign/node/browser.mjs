// Chromium with an authenticator that is played by the browser itself (WebAuthn level 3, §11 “virtual authenticators”).
import { chromium } from 'playwright-core'

/** How long a person would wait for a page, in milliseconds. */
export const PATIENCE = 30_000

/** A browser in which nobody was before. `hosts`: names that stand for a port of this machine. */
export async function launch(hosts = {}) {
  const root = process.getuid?.() === 0
  const rules = Object.entries(hosts).map(([name, port]) => `MAP ${name}:443 127.0.0.1:${port}`)
  return chromium.launch({
    executablePath: process.env.IMP_CHROMIUM ?? '/usr/bin/chromium',
    // Its sandbox cannot be made by root; what it visits is ours.
    args: [`--host-resolver-rules=${rules.join(',')}`, ...(root ? ['--no-sandbox'] : [])],
  })
}

/** A window of its own, with cookies and an authenticator of its own. `shots`: the folder for pictures of its pages. */
export async function person(browser, { shots, hasAuthenticator = true } = {}) {
  // The server's certificates are of an authority of its own, for this test.
  const context = await browser.newContext({ ignoreHTTPSErrors: true, viewport: { width: 900, height: 700 } })
  context.setDefaultTimeout(PATIENCE)
  const page = await context.newPage()
  // The authenticator that is played would answer what a page offers beside an input at once, before anybody presses anything.
  await context.addInitScript(() => {
    if (window.PublicKeyCredential) PublicKeyCredential.isConditionalMediationAvailable = async () => false
  })
  let authenticator
  const cdp = await context.newCDPSession(page)
  if (hasAuthenticator) {
    await cdp.send('WebAuthn.enable')
    const options = {
      protocol: 'ctap2',
      ctap2Version: 'ctap2_1',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    }
    authenticator = (await cdp.send('WebAuthn.addVirtualAuthenticator', { options })).authenticatorId
  }
  const shot = async (name) => shots && page.screenshot({ path: `${shots}/${name}.png`, fullPage: true })
  const failures = []
  page.on('pageerror', (error) => failures.push(String(error)))
  page.on('console', (message) => message.type() === 'error' && failures.push(message.text()))
  return { context, page, cdp, authenticator, shot, failures }
}
