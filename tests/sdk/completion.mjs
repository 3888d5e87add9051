/** One `useCompletion` request, made by the function of a release that the hook calls. */
import { RequestLog } from './recording_fetch.mjs';

export async function complete(callCompletionApi, command) {
  const { api, prompt, headers, body, streamProtocol, timeoutMs } = command;
  const log = new RequestLog({ limit: 1 });
  const seen = { completion: '', updates: [], finished: null, error: null, loading: [] };
  let controller = null;
  const timer = setTimeout(() => controller?.abort(), timeoutMs);
  await callCompletionApi({
    api,
    prompt,
    headers,
    body: body ?? {},
    credentials: undefined,
    streamProtocol,
    fetch: log.fetch,
    setCompletion: completion => {
      seen.completion = completion;
      seen.updates.push(completion);
    },
    setLoading: loading => seen.loading.push(loading),
    setError: error => {
      seen.error = error ? { name: error.name, message: error.message } : null;
    },
    setAbortController: next => {
      controller = next ?? controller;
    },
    onResponse: undefined,
    onFinish: (asked, completion) => {
      seen.finished = { prompt: asked, completion };
    },
    onError: undefined,
    onData: undefined,
  });
  clearTimeout(timer);
  return { ...seen, requests: log.requests };
}
