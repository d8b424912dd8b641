"use strict";

const page = document.getElementById("account");
const name = document.getElementById("new-name");

async function register(securityKey) {
  show("error", "");
  if (!name.reportValidity()) return;
  if (!window.PublicKeyCredential) {
    show("error", page.dataset.unsupported);
    return;
  }
  show("status", page.dataset.waiting);
  try {
    const asked = await ask("/account/credentials/begin", { security_key: securityKey });
    const publicKey = creationOptions(asked.options.publicKey);
    const credential = await navigator.credentials.create({ publicKey });
    const body = { ceremony: asked.ceremony, name: name.value, answer: written(credential) };
    const { next } = await ask("/account/credentials/finish", body);
    if (page.dataset.then) {
      show("status", "");
      for (const id of ["add", "empty", "only-register"]) {
        const place = document.getElementById(id);
        if (place) place.hidden = true;
      }
      document.getElementById("done").hidden = false;
      document.getElementById("go-on").focus();
    } else location.replace(next);
  } catch (error) {
    explain(error, page);
  }
}

document.getElementById("add-passkey").addEventListener("click", () => register(false));
document.getElementById("add-security-key").addEventListener("click", () => register(true));
