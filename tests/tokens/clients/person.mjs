// The person at the other end of the pipe: one JSON line out, one JSON line back.
import { createInterface } from 'node:readline'

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()

async function ask(question) {
  process.stdout.write(`${JSON.stringify(question)}\n`)
  return JSON.parse((await lines.next()).value)
}

export const openInBrowser = async (url) => new URL((await ask({ open: String(url) })).redirect)
export const approveDevice = (userCode) => ask({ approve: userCode })
export const report = (result) => process.stdout.write(`${JSON.stringify({ result })}\n`)
export const [issuer, portalCallback, portalSecret] = process.argv.slice(2)
export const loopback = 'http://127.0.0.1:9876/callback'
