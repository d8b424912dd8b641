// The node `oidc-provider` as its documentation sets it up, made to give the tokens that ours gives: ES256, RFC 9068. It keeps
// everything in memory. Its one user is signed on without a page, so that flows cost what they cost a browser that is signed on.
//
// `provider.mjs KEY.pem CERTIFICATE.pem`: prints its settings in JSON, a line, when it listens.
import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'

import Provider from 'oidc-provider'

const [keyFile, certificateFile] = process.argv.slice(2)
const resource = 'https://api.example'
const redirect = 'https://application.example/callback'
const secret = 'a secret of this measurement alone, of 64 characters or about it'

const pair = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify'])
const jwk = { ...(await crypto.subtle.exportKey('jwk', pair.privateKey)), use: 'sig', alg: 'ES256', kid: 'bench' }

const server = createServer({ key: readFileSync(keyFile), cert: readFileSync(certificateFile) })
await new Promise((listening) => server.listen(0, '127.0.0.1', listening))
const issuer = `https://localhost:${server.address().port}`

const common = { id_token_signed_response_alg: 'ES256', token_endpoint_auth_method: 'client_secret_basic' }
const provider = new Provider(issuer, {
  clients: [
    {
      ...common,
      client_id: 'application',
      client_secret: secret,
      redirect_uris: [redirect],
      grant_types: ['authorization_code', 'client_credentials'],
      scope: 'openid profile read',
    },
  ],
  jwks: { keys: [jwk] },
  cookies: { keys: ['for this measurement alone'] },
  scopes: ['openid', 'profile', 'read'],
  pkce: { required: () => true },
  enabledJWA: { idTokenSigningAlgValues: ['ES256'] },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    introspection: { enabled: true, allowedPolicy: () => true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => resource,
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({
        scope: 'read', accessTokenTTL: 300, accessTokenFormat: 'jwt', jwt: { sign: { alg: 'ES256' } },
      }),
    },
  },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, preferred_username: id }) }),
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  async loadExistingGrant(ctx) {
    const grant = new ctx.oidc.provider.Grant({
      clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId,
    })
    grant.addOIDCScope('openid profile read')
    grant.addResourceScope(resource, 'read')
    await grant.save()
    return grant
  },
})
// Its notices about a set-up for measurements are not wanted among the settings.
const callback = provider.callback()
server.on('request', async (request, response) => {
  if (request.url.startsWith('/interaction/')) {
    await provider.interactionFinished(request, response, { login: { accountId: 'nurse' } }, { mergeWithLastSubmission: false })
  } else {
    await callback(request, response)
  }
})
console.log(JSON.stringify({
  issuer, pid: process.pid, client_id: 'application', client_secret: secret, redirect_uri: redirect, scope: 'read', cookies: [],
}))
