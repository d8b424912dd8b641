// Lets the programs of this folder import the packages that tests/setup/node.sh keeps elsewhere.
import { register } from 'node:module'
import { pathToFileURL } from 'node:url'

const packages = process.env.IMP_NODE_PACKAGES
if (!packages) throw new Error('IMP_NODE_PACKAGES names no folder')
const parentURL = pathToFileURL(`${packages}/package.json`).href

const hooks = `
const parentURL = ${JSON.stringify(parentURL)}
const path = /^(node:|file:|data:|[./])/
const installed = (importer) => importer?.includes('node_modules')
export const resolve = (name, context, next) =>
  next(name, path.test(name) || installed(context.parentURL) ? context : { ...context, parentURL })
`
register(`data:text/javascript,${encodeURIComponent(hooks)}`)
