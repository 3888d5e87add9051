/** The last turn once more: for a terminal, and as a component of one's own. Pure. */

import type { Recording } from './recorder';
import { AI_REACT_VERSION, AI_VERSION, isObject } from './types';

const LONGEST_DATA = 200;

/** A text to copy, and the same text to look at, where attachments are cut short. */
export interface Snippet {
  whole: string;
  short: string;
}

export function bodySnippet(recording: Recording): Snippet {
  return { whole: pretty(recording.body), short: pretty(shortened(recording.body)) };
}

export function curlSnippet(recording: Recording, withCredentials: boolean): Snippet {
  const lines = [`curl -N '${recording.url}'`, `-H 'X-Mamba-UI: ${AI_VERSION}'`];
  if (withCredentials) lines.push('-H "Authorization: Bearer $MAMBA_KEY"');
  if (recording.method !== 'POST') return both(lines.join(' \\\n  '));
  lines.push("-H 'Content-Type: application/json'", "--data-binary @- <<'JSON'");
  const command = lines.join(' \\\n  ');
  const { whole, short } = bodySnippet(recording);
  return { whole: `${command}\n${whole}\nJSON\n`, short: `${command}\n${short}\nJSON\n` };
}

interface Asked {
  url: string;
  model: string | undefined;
  withCredentials: boolean;
}

/** A whole component: its button repeats the recorded turn, or says hello where there is none. */
export function useChatSnippet(recording: Recording | undefined, asked: Asked): Snippet {
  const body = recording?.method === 'POST' ? recording.body : '';
  return { whole: component(body, asked), short: component(shortened(body), asked) };
}

function component(body: string, { url, model, withCredentials }: Asked): string {
  const { earlier, call } = repeated(body);
  const authorization = withCredentials ? ', Authorization: `Bearer ${token}`' : '';
  const wanted = call.replace(/\(.*/s, '');
  return [
    `// npm install ai@${AI_VERSION} @ai-sdk/react@${AI_REACT_VERSION}`,
    `import { useChat } from '@ai-sdk/react';`,
    `import { DefaultChatTransport } from 'ai';`,
    '',
    ...(withCredentials ? [`const token = 'your key or token';`] : []),
    'const transport = new DefaultChatTransport({',
    `  api: '${url}',`,
    `  headers: { 'X-Mamba-UI': '${AI_VERSION}'${authorization} },`,
    ...(model ? [`  body: { model: '${model}' },`] : []),
    '});',
    ...(earlier.length ? [`const earlier = ${JSON.stringify(earlier, null, 2)};`] : []),
    '',
    'export default function Chat() {',
    `  const { messages, ${wanted} } = useChat({ transport${earlier.length ? ', messages: earlier' : ''} });`,
    '  return (',
    '    <main>',
    `      <button onClick={() => ${call}}>Send</button>`,
    '      <pre>{JSON.stringify(messages, null, 2)}</pre>',
    '    </main>',
    '  );',
    '}',
    '',
  ].join('\n');
}

/** What was in the chat before the turn, and the call of `useChat` that began it. */
function repeated(body: string): { earlier: unknown[]; call: string } {
  const sent: unknown = body ? JSON.parse(body) : undefined;
  const messages: unknown[] = isObject(sent) && Array.isArray(sent.messages) ? sent.messages : [];
  const last = messages[messages.length - 1];
  if (!isObject(last)) return { earlier: [], call: `sendMessage({ text: 'Hello' })` };
  if (isObject(sent) && sent.trigger === 'regenerate-message') return { earlier: messages, call: 'regenerate()' };
  if (last.role !== 'user') return { earlier: messages, call: 'sendMessage()' };
  const parts = Array.isArray(last.parts) ? (last.parts as unknown[]) : [];
  const [only] = parts;
  const said = parts.length === 1 && isObject(only) && only.type === 'text' ? { text: only.text } : { parts };
  const written =
    'text' in said ? `{ text: ${JSON.stringify(said.text)} }` : JSON.stringify(said, null, 2).replaceAll('\n', '\n      ');
  return { earlier: messages.slice(0, -1), call: `sendMessage(${written})` };
}

function shortened(body: string): string {
  if (!body) return body;
  return JSON.stringify(JSON.parse(body), (_, value: unknown) =>
    typeof value === 'string' && value.startsWith('data:') && value.length > LONGEST_DATA ? `${value.slice(0, 60)}…` : value,
  );
}

function pretty(body: string): string {
  return body && JSON.stringify(JSON.parse(body), null, 2);
}

function both(text: string): Snippet {
  return { whole: text, short: text };
}
