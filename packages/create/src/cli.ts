#!/usr/bin/env node
import { relative } from 'node:path'
import { createApp } from './create-app.js'
import { Refusal } from './refusal.js'
import { settingsOf, USAGE } from './settings.js'

try {
  const settings = settingsOf(process.argv.slice(2))
  if (settings === 'help') console.log(USAGE)
  else {
    await createApp(settings)
    console.log(whatNext(settings.folder))
  }
} catch (error) {
  if (!(error instanceof Refusal)) throw error
  console.error(error.message)
  process.exitCode = 1
}

function whatNext(folder: string): string {
  const path = relative('.', folder)
  const enter = path === '' ? [] : [`cd ${quoted(path.startsWith('..') ? folder : path)}`]
  const steps = [...enter, 'npm install', 'npm test', 'npm start']
  return `\nCreated ${folder}. Next:\n\n${steps.map((step) => `  ${step}\n`).join('')}`
}

/** A path as one word of a shell. */
function quoted(path: string): string {
  return /^[\w./\\:-]+$/.test(path) ? path : `"${path}"`
}
