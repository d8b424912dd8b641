// Says which packages are there, in which version: `name version` a line. Fails when one cannot be loaded.
import { readFileSync } from 'node:fs'

const packages = process.env.IMP_NODE_PACKAGES
const names = Object.keys(JSON.parse(readFileSync(`${packages}/package.json`)).dependencies)
for (const name of names) {
  await import(name)
  console.log(name, JSON.parse(readFileSync(`${packages}/node_modules/${name}/package.json`)).version)
}
