/** Watches the requests of a chat from the outside: what was sent, and each frame with the moment at which it came. */

import { refusal, requestHeaders } from './server';

export interface Frame {
  /** Milliseconds since the request was sent. */
  at: number;
  /** The chunk's type, "[DONE]" or "comment"; "problem" for the body of a refusal. */
  type: string;
  /** The frame's payload as it came. */
  text: string;
}

export interface Recording {
  method: string;
  url: string;
  body: string;
  /** Changes with every frame, so that a reader knows to look again. */
  revision: number;
  headersAt?: number;
  firstOutputAt?: number;
  lastOutputAt?: number;
  endedAt?: number;
  status?: number;
  requestId: string;
  bytes: number;
  /** The chunk that says how the turn ended, once it came. */
  end?: 'finish' | 'abort' | 'error';
  frames: Frame[];
}

const OUTPUT = new Set(['text-delta', 'reasoning-delta', 'tool-input-start', 'tool-input-delta', 'tool-input-available']);
const ENDS = new Set(['finish', 'abort', 'error']);
const MOST_FRAMES = 20_000;

/** Keeps the last turn of one chat. */
export class Recorder {
  recording: Recording | undefined;
  #listeners = new Set<() => void>();
  #announced = false;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly revision = (): number => this.recording?.revision ?? 0;

  /** The `fetch` of the chat's transport. Refusals are thrown as `ServerError`. */
  readonly fetch = async (input: RequestInfo | URL, init?: RequestInit): Promise<Response> => {
    const began = performance.now();
    const method = init?.method ?? 'GET';
    const recording: Recording = {
      method,
      url: new URL(String(input), document.baseURI).href,
      body: typeof init?.body === 'string' ? init.body : '',
      revision: (this.recording?.revision ?? 0) + 1,
      requestId: '',
      bytes: 0,
      frames: [],
    };
    if (method === 'POST') this.#show(recording);
    const headers = { ...(init?.headers as Record<string, string> | undefined), ...requestHeaders() };
    let response: Response;
    try {
      response = await fetch(input, { ...init, headers });
    } catch (error) {
      recording.endedAt = performance.now() - began;
      this.#changed(recording);
      throw error;
    }
    recording.headersAt = performance.now() - began;
    recording.status = response.status;
    recording.requestId = response.headers.get('x-request-id') ?? '';
    if (!response.ok) {
      const body = await response.text().catch(() => '');
      recording.endedAt = performance.now() - began;
      recording.bytes = new TextEncoder().encode(body).length;
      if (body) recording.frames.push({ at: recording.endedAt, type: 'problem', text: body });
      this.#changed(recording);
      throw refusal(response, body);
    }
    if (response.status === 204 || !response.body) return response;
    // Of the attempts to resume a turn, only one that found it is worth showing.
    if (method !== 'POST') this.#show(recording);
    const watched = response.body.pipeThrough(this.#watch(recording, began));
    return new Response(watched, { status: response.status, headers: response.headers });
  };

  #watch(recording: Recording, began: number): TransformStream<Uint8Array, Uint8Array> {
    const decoder = new TextDecoder();
    let pending = '';
    let isWhole = false;
    const note = (text: string, at: number) => {
      if (!text) return;
      const frame = asFrame(text, at);
      if (frame.type === '[DONE]') isWhole = true;
      if (ENDS.has(frame.type)) recording.end = frame.type as Recording['end'];
      if (recording.frames.length >= MOST_FRAMES) return;
      recording.frames.push(frame);
      if (OUTPUT.has(frame.type)) {
        recording.firstOutputAt ??= at;
        recording.lastOutputAt = at;
      }
    };
    return new TransformStream({
      transform: (bytes, controller) => {
        const at = performance.now() - began;
        recording.bytes += bytes.length;
        const blocks = (pending + decoder.decode(bytes, { stream: true })).split('\n\n');
        pending = blocks.pop() ?? '';
        for (const block of blocks) note(block, at);
        this.#changed(recording);
        controller.enqueue(bytes);
      },
      flush: async (controller) => {
        recording.endedAt = performance.now() - began;
        note(pending, recording.endedAt);
        this.#changed(recording);
        if (isWhole) return;
        // Something between the page and the server may end a stream as if it were whole. An error throws away what waits
        // to be read, so whoever reads goes first.
        await new Promise((done) => setTimeout(done));
        controller.error(new TypeError('network: the stream ended before the answer did'));
      },
    });
  }

  #show(recording: Recording): void {
    this.recording = recording;
    this.#changed(recording);
  }

  /** Tells the readers once a frame of the screen, however many frames of the stream came. */
  #changed(recording: Recording): void {
    recording.revision += 1;
    if (this.#announced) return;
    this.#announced = true;
    requestAnimationFrame(() => {
      this.#announced = false;
      for (const listener of this.#listeners) listener();
    });
  }
}

function asFrame(block: string, at: number): Frame {
  if (block.startsWith(':')) return { at, type: 'comment', text: block.slice(1).trim() };
  const text = block
    .split('\n')
    .filter((line) => line.startsWith('data:'))
    .map((line) => line.slice(5).trimStart())
    .join('\n');
  if (text === '[DONE]') return { at, type: '[DONE]', text: '' };
  return { at, type: /^\{"type":"([^"]{1,80})"/.exec(text)?.[1] ?? 'frame', text };
}
