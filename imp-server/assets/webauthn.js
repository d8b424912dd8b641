// What both pages need: asking the server, and asking the authenticator. Sentences are in the page, not here.
"use strict";

class Refused extends Error {
  constructor({ title, detail }) {
    super(title || "");
    this.why = detail || "";
  }
}

async function ask(path, body) {
  const answer = await fetch(path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
    credentials: "same-origin",
    cache: "no-store",
    redirect: "error",
  });
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Refused(told);
  return told;
}

const bytes = (text) =>
  Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));

const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

const described = (all) => (all || []).map((one) => ({ ...one, id: bytes(one.id) }));

function creationOptions(options) {
  if (PublicKeyCredential.parseCreationOptionsFromJSON) {
    return PublicKeyCredential.parseCreationOptionsFromJSON(options);
  }
  return {
    ...options,
    challenge: bytes(options.challenge),
    user: { ...options.user, id: bytes(options.user.id) },
    excludeCredentials: described(options.excludeCredentials),
  };
}

function requestOptions(options) {
  if (PublicKeyCredential.parseRequestOptionsFromJSON) {
    return PublicKeyCredential.parseRequestOptionsFromJSON(options);
  }
  return {
    ...options,
    challenge: bytes(options.challenge),
    allowCredentials: described(options.allowCredentials),
  };
}

function written(credential) {
  if (credential.toJSON) return credential.toJSON();
  const given = credential.response;
  const response = { clientDataJSON: text(given.clientDataJSON) };
  if (given.attestationObject) {
    response.attestationObject = text(given.attestationObject);
    response.transports = given.getTransports ? given.getTransports() : [];
  } else {
    response.authenticatorData = text(given.authenticatorData);
    response.signature = text(given.signature);
    response.userHandle = given.userHandle ? text(given.userHandle) : null;
  }
  return {
    id: credential.id,
    rawId: text(credential.rawId),
    type: credential.type,
    clientExtensionResults: credential.getClientExtensionResults(),
    response,
  };
}

function show(id, sentence) {
  const place = document.getElementById(id);
  if (!place) return;
  place.textContent = sentence;
  place.hidden = !sentence;
}

// What the server said, in the language of the page: data-refused-other-browser is for `other-browser`.
function said(error, page) {
  const camel = `-${error.why}`.replace(/-([a-z])/g, (_, letter) => letter.toUpperCase());
  return page.dataset[`refused${camel}`] || error.message;
}

// Says what went wrong: what the server said, or that nothing was used.
function explain(error, page) {
  show("status", "");
  if (error instanceof Refused) show("error", said(error, page) || page.dataset.failed);
  else if (error && (error.name === "NotAllowedError" || error.name === "AbortError")) {
    show("error", page.dataset.gaveUp);
  } else show("error", page.dataset.failed);
}
