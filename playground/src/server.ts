/** What the page asks the server for, besides chat turns. Addresses are relative, so that a path prefix does not matter. */

import { AI_VERSION, isObject } from './types';

export const CHAT_API = 'api/chat';

/** An address as one would write it outside of this page. */
export const absolute = (path: string): string => new URL(path, document.baseURI).href;

/** A refusal, as the server explained it. */
export class ServerError extends Error {
  constructor(
    message: string,
    readonly status: number,
    readonly code: string,
    readonly requestId: string,
    readonly retryAfter?: number,
  ) {
    super(message);
  }
}

export interface Model {
  id: string;
  name: string;
  provider: string;
  description: string;
  context_window: number | null;
  supports_tools: boolean;
}

// The credentials live here, in this page's memory, and nowhere else.
let credentials = '';

export const hasCredentials = (): boolean => credentials !== '';

export function setCredentials(value: string): void {
  credentials = value.trim();
}

/** The headers of every request: who asks, and which release of the AI SDK will read the answer. */
export function requestHeaders(): Record<string, string> {
  const headers: Record<string, string> = { 'X-Mamba-UI': AI_VERSION };
  if (credentials) headers.Authorization = `Bearer ${credentials}`;
  return headers;
}

/** The problem document of a refused request as an error; a body that is none gives a plain sentence. */
export function refusal(response: Response, text: string): ServerError {
  let problem: unknown;
  try {
    problem = JSON.parse(text);
  } catch {
    problem = undefined;
  }
  const told = isObject(problem) ? problem : {};
  const seconds = Number(response.headers.get('retry-after'));
  return new ServerError(
    typeof told.detail === 'string' ? told.detail : `The server answered with status ${response.status}.`,
    response.status,
    typeof told.code === 'string' ? told.code : 'INTERNAL',
    typeof told.request_id === 'string' ? told.request_id : (response.headers.get('x-request-id') ?? ''),
    seconds > 0 ? seconds : undefined,
  );
}

export async function getModels(): Promise<Model[]> {
  const response = await fetch('models', { headers: requestHeaders() });
  if (!response.ok) throw refusal(response, await response.text());
  return ((await response.json()) as { models: Model[] }).models;
}

export async function getVersion(): Promise<string> {
  const response = await fetch('health', { headers: requestHeaders() });
  const body: unknown = await response.json();
  return isObject(body) && typeof body.version === 'string' ? body.version : '';
}

/** A title for a chat; empty where the server has none to give. */
export async function getTitle(userMessage: string, conversationId: string): Promise<string> {
  try {
    const response = await fetch('title/generate', {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...requestHeaders() },
      body: JSON.stringify({ userMessage, conversationId }),
    });
    const body: unknown = response.ok ? await response.json() : null;
    return isObject(body) && body.useFallback !== true && typeof body.title === 'string' ? body.title.trim() : '';
  } catch {
    return '';
  }
}

/** Asks the server to stop the chat's running turn; where that fails, the page has left the stream anyway. */
export async function stopTurn(chatId: string): Promise<void> {
  await fetch(`${CHAT_API}/${encodeURIComponent(chatId)}/stop`, {
    method: 'POST',
    headers: requestHeaders(),
    keepalive: true,
  }).catch(() => undefined);
}
