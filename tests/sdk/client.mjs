/**
 * The npm clients as a program: `node client.mjs --ai RELEASE [--zod 3|4]`.
 *
 * It reads one JSON command a line, `{"seq": 1, "op": "new", ...}`, and answers each with one JSON line of
 * the same `seq`: `{"ok": true, ...}`, or `{"ok": false, "fault": "why"}` where the harness or the release
 * could not do what was asked. What a server did wrong is never a fault but part of the state. It ends when
 * its input does.
 */
import { Console } from 'node:console';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { chooseZod } from './zod_choice.mjs';

// Standard output is for answers; what the packages print goes where a person may look.
globalThis.console = new Console(process.stderr, process.stderr);

const { values: args } = parseArgs({ options: { ai: { type: 'string' }, zod: { type: 'string' } } });
const legacy = args.ai.startsWith('4.');
chooseZod(Number(args.zod ?? (legacy ? 3 : 4)));

const chats = new Map();
const unhandled = [];
process.on('unhandledRejection', error => unhandled.push(String(error?.message ?? error)));

const { openChat, check, callCompletionApi } = legacy ? await release4() : await release5AndUp();

const operations = {
  new: async command => {
    const since = unhandled.length;
    chats.set(command.chat, { chat: await openChat(command), since });
    return stateOf(command);
  },
  state: stateOf,
  wait: async command => {
    const inTime = await chatOf(command).chat.wait(command);
    return { ...stateOf(command), inTime };
  },
  validate: async ({ chunks }) => ({ verdicts: await check(chunks) }),
  completion: async command => {
    const { complete } = await import('./completion.mjs');
    return complete(callCompletionApi, command);
  },
  readRaw: async command => {
    const { readRaw } = await import('./raw_read.mjs');
    return readRaw(command);
  },
};
for (const act of ['send', 'edit', 'regenerate', 'stop', 'resume', 'toolOutput', 'approve']) {
  operations[act] = command => {
    chatOf(command).chat[act](command);
    return stateOf(command);
  };
}

process.stdout.write(`${JSON.stringify({ seq: 0, ok: true, ai: args.ai, node: process.version })}\n`);
for await (const line of createInterface({ input: process.stdin })) answer(JSON.parse(line));
process.exit(0);

async function answer(command) {
  let result;
  try {
    const operation = operations[command.op];
    if (operation === undefined) throw new Error(`There is no operation named ${command.op}.`);
    result = { ok: true, ...(await operation(command)) };
  } catch (error) {
    result = { ok: false, fault: error.message };
  }
  process.stdout.write(`${JSON.stringify({ seq: command.seq, ...result })}\n`);
}

function chatOf({ chat }) {
  const found = chats.get(chat);
  if (found === undefined) throw new Error(`There is no chat ${chat}.`);
  return found;
}

function stateOf(command) {
  const { chat, since } = chatOf(command);
  return { ...chat.state(), unhandled: unhandled.slice(since) };
}

async function release4() {
  const { openDataStreamChat } = await import('./data_stream_chat.mjs');
  const { callCompletionApi, parseDataStreamPart } = await import('@ai-sdk/ui-utils');
  const { checkLines } = await import('./chunk_check.mjs');
  return {
    openChat: openDataStreamChat,
    check: lines => checkLines(parseDataStreamPart, lines),
    callCompletionApi,
  };
}

async function release5AndUp() {
  const sdk = await import(`ai-${args.ai}`);
  const { openUiMessageChat } = await import('./ui_message_chat.mjs');
  const { checkChunks } = await import('./chunk_check.mjs');
  return {
    openChat: command => openUiMessageChat(sdk, command),
    check: chunks => checkChunks(sdk.DefaultChatTransport, chunks),
    callCompletionApi: sdk.callCompletionApi,
  };
}
