// What a person does on the server's pages, by the identifiers of their elements.

/** Waits until the page shows one of `places` (selectors), and says which; `undefined` once the browser has gone elsewhere. */
async function which({ page }, ...places) {
  const origin = new URL(page.url()).origin
  for (;;) {
    if (new URL(page.url()).origin !== origin) return undefined
    for (const place of places) {
      if (await page.locator(place).isVisible().catch(() => false)) return place
    }
    await page.waitForTimeout(50)
  }
}

/** An officer gave her this code. */
export async function redeemCode(nurse, code) {
  await nurse.page.locator('#code').waitFor()
  await nurse.shot('sign-in')
  await nurse.page.locator('#code').fill(code)
  await nurse.page.locator('#use-code').click()
}

/** The first passkey; then on to the application, where she is asked for it. */
export async function registerPasskey(nurse) {
  await nurse.page.locator('#new-name').fill('Ward tablet')
  await nurse.shot('register')
  await nurse.page.locator('#add-passkey').click()
  await nurse.page.locator('#done').waitFor()
  await nurse.shot('registered')
  await nurse.page.locator('#go-on').click()
  await signInWithPasskey(nurse)
}

/** She presses the button, and her device answers. */
export async function signInWithPasskey(nurse) {
  await nurse.page.locator('#use-passkey').click()
}

/** She confirms that it is she. */
export const confirm = signInWithPasskey

/** She agrees to what an application asks for, wherever she is asked. */
export async function agree(nurse) {
  const asked = await which(nurse, '#allow', '#user_code')
  if (asked === '#user_code') {
    await nurse.shot('device')
    await nurse.page.getByRole('button', { name: 'Go on' }).click()
    await nurse.page.locator('#allow').waitFor({ timeout: 3000 }).catch(() => {})
    if (!(await nurse.page.locator('#allow').isVisible())) return
  }
  if (!asked) return
  await nurse.shot('consent')
  await nurse.page.locator('#allow').click()
}
