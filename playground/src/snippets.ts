/** The last request once more: for a terminal, and for an application of one's own. Pure. */

import type { Recording } from './recorder';
import { AI_REACT_VERSION, AI_VERSION } from './types';

const LONGEST_DATA = 200;

/** The body as it was sent, attachments cut short: a snippet is for reading. */
export function shortBody(body: string): string {
  try {
    const shortened = JSON.stringify(
      JSON.parse(body),
      (_, value: unknown) =>
        typeof value === 'string' && value.startsWith('data:') && value.length > LONGEST_DATA
          ? `${value.slice(0, 60)}…`
          : value,
      2,
    );
    return shortened;
  } catch {
    return body;
  }
}

export function curl(recording: Recording, withCredentials: boolean): string {
  const lines = [`curl -N ${recording.url}`, `-H 'X-Mamba-UI: ${AI_VERSION}'`];
  if (withCredentials) lines.push(`-H "Authorization: Bearer $MAMBA_KEY"`);
  if (recording.method === 'POST') {
    const body = JSON.stringify(JSON.parse(shortBody(recording.body)));
    lines.push(`-H 'Content-Type: application/json'`, `-d '${body.replaceAll("'", "'\\''")}'`);
  }
  return lines.join(' \\\n  ');
}

export function useChatSnippet(url: string, model: string | undefined, withCredentials: boolean): string {
  const options = [
    `api: '${url}',`,
    `headers: { 'X-Mamba-UI': '${AI_VERSION}'${withCredentials ? ', Authorization: `Bearer ${token}`' : ''} },`,
    ...(model ? [`body: { model: '${model}' },`] : []),
  ];
  return `// npm install ai@${AI_VERSION} @ai-sdk/react@${AI_REACT_VERSION}
import { useChat } from '@ai-sdk/react';
import { DefaultChatTransport } from 'ai';

const { messages, sendMessage, status, stop } = useChat({
  transport: new DefaultChatTransport({
    ${options.join('\n    ')}
  }),
});
`;
}
