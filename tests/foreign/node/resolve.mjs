// Lets the programs of this folder import the packages that tests/setup/node.sh keeps elsewhere.
import { register } from 'node:module'
import { pathToFileURL } from 'node:url'

const packages = process.env.IMP_NODE_PACKAGES
if (!packages) throw new Error('IMP_NODE_PACKAGES names no folder')
const parent = pathToFileURL(`${packages}/package.json`).href

register(`data:text/javascript,
const parent = ${JSON.stringify(parent)}
const own = /^(node:|file:|data:|[./])/
export const resolve = (name, context, next) =>
  next(name, own.test(name) || context.parentURL?.includes('node_modules') ? context : { ...context, parentURL: parent })
`)
