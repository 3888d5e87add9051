/** A failure with what to do about it, and the id by which an operator finds it in the log. */

import { useEffect, useState } from 'react';
import { CopyButton } from './controls';
import { Icon } from './icons';
import { ServerError } from './server';

interface FailureProps {
  error: Error;
  /** The id of the failed request; a refusal brings its own. */
  requestId: string;
  onRetry: () => void;
  onCredentials: () => void;
}

const ADVICE: Record<string, string> = {
  AUTH_REQUIRED: 'This server asks who you are. Enter an API key or a token.',
  AUTH_INVALID: 'The server does not know these credentials. Check them and try again.',
  AUTH_EXPIRED: 'Your token has expired. Enter a new one.',
  FORBIDDEN: 'Your credentials do not reach this far. Ask the operator for the scope.',
  INVALID_REQUEST: 'The request itself was refused. The inspector shows what was sent.',
  PAYLOAD_TOO_LARGE: 'Attach less, or start a new chat: all earlier attachments are sent along.',
  MODEL_NOT_FOUND: 'Choose another model at the top of the page.',
  RATE_LIMITED: 'Too many questions at once. Wait a moment, then try again.',
  OVERLOADED: 'The server has its hands full. Wait a moment, then try again.',
  CONTEXT_TOO_LONG: 'This chat is too long for the model. Start a new one, or choose a model with a larger window.',
  CONTENT_FILTERED: 'The provider refused this content. Say it another way.',
  MODEL_UNAVAILABLE: 'The model cannot be reached at the moment. Try again, or choose another one.',
  MODEL_TIMEOUT: 'The model took too long. Try again, or ask for something shorter.',
  MODEL_ERROR: 'The trouble is on the provider’s side. If it stays, choose another model.',
  SHUTTING_DOWN: 'The server is being restarted. Try again in a moment.',
};

export function Failure({ error, requestId, onRetry, onCredentials }: FailureProps) {
  const refused = error instanceof ServerError ? error : null;
  const wait = useSecondsLeft(error, refused?.retryAfter ?? 0);
  const isNetwork = error instanceof TypeError;
  const title = isNetwork ? 'The connection was lost.' : error.message || 'The answer failed.';
  const advice = isNetwork
    ? 'Is the server running? Your question is still here: try again when it is.'
    : (ADVICE[refused?.code ?? ''] ?? 'What came before it is kept. Try again, or ask in another way.');
  const id = refused?.requestId || requestId;
  return (
    <section className="failure" role="alert" aria-label="Error">
      <Icon name="alert" />
      <div className="failure-body">
        <p className="failure-title">{title}</p>
        <p className="failure-advice">{advice}</p>
        <div className="failure-foot">
          {refused?.status === 401 ? (
            <button type="button" className="button primary small" onClick={onCredentials}>
              <Icon name="key" /> Enter credentials
            </button>
          ) : null}
          <button type="button" className="button outline small" disabled={wait > 0} onClick={onRetry}>
            <Icon name="refresh" /> {wait > 0 ? `Try again in ${wait} s` : 'Try again'}
          </button>
          {id ? (
            <span className="failure-id">
              {refused ? `${refused.status} ${refused.code} · ` : ''}request{' '}
              <span className="failure-request">
                <code>{id}</code>
                <CopyButton text={id} label="Copy request id" />
              </span>
            </span>
          ) : null}
        </div>
      </div>
    </section>
  );
}

function useSecondsLeft(error: Error, seconds: number): number {
  const [left, setLeft] = useState(seconds);
  useEffect(() => {
    if (seconds <= 0) return;
    const until = Date.now() + seconds * 1000;
    const timer = setInterval(() => {
      const rest = Math.ceil((until - Date.now()) / 1000);
      setLeft(Math.max(0, rest));
      if (rest <= 0) clearInterval(timer);
    }, 250);
    return () => clearInterval(timer);
  }, [error, seconds]);
  return left;
}
