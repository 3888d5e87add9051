/** One chat on the screen: its messages, what went wrong, and where to write. */

import { useChat } from '@ai-sdk/react';
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react';
import { Composer, type ComposerHandle } from './composer';
import { Failure } from './failure';
import { Icon } from './icons';
import { MessageView, Waiting } from './message';
import { waitsForPerson, type Send, type Session } from './session';
import type { FormAnswer, Message } from './types';
import { Welcome } from './welcome';

/** Milliseconds between two drawings of a growing answer. */
const THROTTLE = 40;
const SAVE_EVERY = 1000;
const NEAR_THE_END = 120;

interface ConversationProps {
  session: Session;
  title: string;
  onCredentials: () => void;
  /** Tells the page about the answer that is written, for the inspector. */
  onAnswer: (message: Message | undefined) => void;
}

export function Conversation({ session, title, onCredentials, onAnswer }: ConversationProps) {
  const { messages, status, error } = useChat<Message>({ chat: session.chat, throttle: THROTTLE });
  const composer = useRef<ComposerHandle>(null);
  const busy = status === 'submitted' || status === 'streaming';
  const last = messages[messages.length - 1];
  const formAnswers = useFormAnswers(messages);
  const announcement = useAnnouncement(status, last);

  useEffect(() => {
    void session.resume();
    focusComposer();
  }, [session]);
  useEffect(() => onAnswer(last?.role === 'assistant' ? last : undefined), [last, onAnswer]);
  useSaving(session, messages);
  const scroller = useFollowing(messages, busy);

  // On a telephone the focus would open the keyboard over the page.
  const focusComposer = () => {
    if (matchMedia('(hover: hover)').matches) composer.current?.focus();
  };
  const send: Send = (parts, options) => {
    scroller.follow();
    void session.send(parts, options);
    focusComposer();
  };
  // The same function for as long as the chat is open: messages are drawn again only when they change.
  const latest = useRef(send);
  latest.current = send;
  const sendFromMessage = useCallback<Send>((parts, options) => latest.current(parts, options), []);
  const stop = () => {
    void session.stop();
    focusComposer();
  };
  const isUnanswered = status === 'ready' && last?.role === 'user';
  const hint = !busy && waitsForPerson(last) ? 'The answer waits for you above' : '';

  return (
    <>
      <div className="scroller" ref={scroller.ref} onScroll={scroller.onScroll}>
        <div className="column" role="log" aria-label="Conversation" aria-live="off">
          {messages.length > 0 ? <h1 className="for-readers">{title}</h1> : null}
          {messages.length === 0 ? (
            <Welcome onSend={send} />
          ) : (
            messages.map((message, index) => (
              <MessageView
                key={message.id}
                message={message}
                session={session}
                running={busy && index === messages.length - 1 && message.role === 'assistant'}
                busy={busy}
                isLast={index === messages.length - 1}
                explained={error !== undefined && index === messages.length - 1}
                formAnswers={formAnswers}
                onSend={sendFromMessage}
              />
            ))
          )}
          {busy && last?.role === 'user' ? <Waiting /> : null}
          {error ? (
            <Failure
              error={error}
              requestId={session.recorder.recording?.requestId ?? ''}
              onRetry={() => void session.retry()}
              onCredentials={onCredentials}
            />
          ) : null}
          {isUnanswered ? (
            <p className="unanswered">
              There is no answer yet.
              <button type="button" className="button outline small" onClick={() => void session.retry()}>
                <Icon name="refresh" /> Ask again
              </button>
            </p>
          ) : null}
        </div>
      </div>
      {scroller.away ? (
        <button type="button" className="to-end" aria-label="To the end" onClick={scroller.follow}>
          <Icon name="chevron" />
        </button>
      ) : null}
      <p className="for-readers" role="status">
        {announcement}
      </p>
      <Composer ref={composer} busy={busy} hint={hint} onSend={send} onStop={stop} />
    </>
  );
}

function useFormAnswers(messages: Message[]): ReadonlyMap<string, FormAnswer> {
  const answers = messages.flatMap((message) => (message.metadata?.form ? [message.metadata.form] : []));
  const known = answers.map((answer) => answer.toolCallId).join(' ');
  // Messages change with every delta; the ids say whether the map does.
  return useMemo(() => new Map(answers.map((answer) => [answer.toolCallId, answer])), [known]);
}

/** A screen reader hears that an answer begins and ends, not each of its words. */
function useAnnouncement(status: string, last: Message | undefined): string {
  const [text, setText] = useState('');
  const before = useRef(status);
  useEffect(() => {
    if (status === before.current) return;
    const was = before.current;
    before.current = status;
    if (status === 'submitted') setText('Sent. The answer is on its way.');
    else if (status === 'ready' && (was === 'streaming' || was === 'submitted')) {
      setText(waitsForPerson(last) ? 'The answer waits for you.' : 'The answer is complete.');
    }
  }, [status, last]);
  return text;
}

function useSaving(session: Session, messages: Message[]): void {
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => {
    if (messages.length === 0) return;
    timer.current ??= setTimeout(() => {
      timer.current = undefined;
      session.save();
    }, SAVE_EVERY);
  }, [session, messages]);
}

/** Keeps the end in view while an answer grows, until the person scrolls away from it. */
function useFollowing(messages: Message[], busy: boolean) {
  const ref = useRef<HTMLDivElement>(null);
  const following = useRef(true);
  const [away, setAway] = useState(false);

  const toEnd = () => {
    const box = ref.current;
    if (box) box.scrollTop = box.scrollHeight;
  };
  useLayoutEffect(() => {
    if (following.current && messages.length > 0) toEnd();
  }, [messages, busy]);
  useEffect(() => {
    // Charts and highlighted code arrive later than the message that holds them.
    const content = ref.current?.firstElementChild;
    if (!content) return;
    const observer = new ResizeObserver(() => {
      // Somebody who edits a message looks at that one.
      if (following.current && content.querySelector('.message') && !content.querySelector('.editing')) toEnd();
    });
    observer.observe(content);
    return () => observer.disconnect();
  }, []);

  return {
    ref,
    away,
    follow: () => {
      following.current = true;
      setAway(false);
      toEnd();
    },
    onScroll: () => {
      const box = ref.current;
      if (!box) return;
      following.current = box.scrollHeight - box.scrollTop - box.clientHeight < NEAR_THE_END;
      setAway(!following.current && box.querySelector('.message') !== null);
    },
  };
}
