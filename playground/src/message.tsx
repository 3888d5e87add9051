/** One message: the person's in a bubble, the answer across the column, each with what can be done about it. */

import { memo, useEffect, useId, useRef, useState, type KeyboardEvent, type ReactNode } from 'react';
import { CopyButton, IconButton } from './controls';
import { Icon, Logo } from './icons';
import { hostOf, Markdown, webAddress } from './markdown';
import { textOf, type Send, type Session } from './session';
import { Answers } from './tools/form';
import { ToolView } from './tools/part';
import { asToolPart, type FormAnswer, type Message, type Metadata, type Part } from './types';

interface MessageProps {
  message: Message;
  session: Session;
  /** Whether this answer is being written. */
  running: boolean;
  /** Whether any answer is. */
  busy: boolean;
  isLast: boolean;
  /** Whether what went wrong is shown below it. */
  explained: boolean;
  /** Forms that were sent back, by their calls. */
  formAnswers: ReadonlyMap<string, FormAnswer>;
  onSend: Send;
}

export const MessageView = memo(function MessageView(props: MessageProps) {
  return props.message.role === 'user' ? <Asked {...props} /> : <Answer {...props} />;
});

function Asked({ message, busy, onSend }: MessageProps) {
  const [editing, setEditing] = useState(false);
  // Whoever leaves the editor with the keyboard stays at the message.
  const [left, setLeft] = useState(false);
  const text = textOf(message);
  const files = message.parts.filter((part) => part.type === 'file');
  const attachments = files.length ? (
    <div className="attachments">
      {files.map((file, index) => (
        <FileView key={index} part={file} />
      ))}
    </div>
  ) : null;
  const edit = () => {
    setLeft(false);
    setEditing(true);
  };
  if (editing) {
    const cancel = () => {
      setEditing(false);
      setLeft(true);
    };
    const send = (changed: string) => {
      setEditing(false);
      onSend([...files, { type: 'text', text: changed }], { replaces: message.id });
    };
    return (
      <Editor text={text} onSend={send} onCancel={cancel}>
        {attachments}
      </Editor>
    );
  }
  const form = message.metadata?.form;
  return (
    <article className="message asked" aria-label="You">
      {attachments}
      {form ? (
        <div className="bubble sent-form">
          <p className="bubble-title">{form.title}</p>
          <Answers answer={form} />
        </div>
      ) : text ? (
        <div className="bubble" dir="auto">{text}</div>
      ) : null}
      <div className="message-actions">
        <CopyButton text={text} label="Copy message" />
        {form ? null : (
          <IconButton icon="edit" label="Edit message" autoFocus={left} disabled={busy} onClick={edit} />
        )}
      </div>
    </article>
  );
}

interface EditorProps {
  text: string;
  onSend: (text: string) => void;
  onCancel: () => void;
  /** What is sent along as it was. */
  children: ReactNode;
}

function Editor({ text, onSend, onCancel, children }: EditorProps) {
  const [value, setValue] = useState(text);
  const area = useRef<HTMLTextAreaElement>(null);
  useEffect(() => area.current?.focus(), []);
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Escape') onCancel();
    if (event.key === 'Enter' && !event.shiftKey && !event.nativeEvent.isComposing) {
      event.preventDefault();
      if (value.trim()) onSend(value.trim());
    }
  };
  return (
    <div className="message asked editing">
      {children}
      <textarea
        ref={area}
        aria-label="Edit message"
        dir="auto"
        value={value}
        rows={2}
        onChange={(event) => setValue(event.target.value)}
        onKeyDown={onKeyDown}
      />
      <div className="editor-foot">
        <span>Everything after it is replaced.</span>
        <button type="button" className="button ghost small" onClick={onCancel}>
          Cancel
        </button>
        <button type="button" className="button primary small" disabled={!value.trim()} onClick={() => onSend(value.trim())}>
          Send
        </button>
      </div>
    </div>
  );
}

const ENDED: Record<NonNullable<Metadata['ended']>, string> = {
  stopped: 'You stopped this answer.',
  aborted: 'This answer was stopped from elsewhere.',
  interrupted: 'This answer was cut off when the page was left.',
  failed: 'This answer ended with an error. It is not whole.',
};

function Answer({ message, session, running, busy, isLast, explained, formAnswers, onSend }: MessageProps) {
  const ended = message.metadata?.ended;
  const words = ended === undefined || (explained && ended === 'failed') ? undefined : ENDED[ended];
  const sources = message.parts.filter((part) => part.type === 'source-url' || part.type === 'source-document');
  const isEmpty = !message.parts.some((part) => part.type !== 'step-start');
  return (
    <article className="message answer" aria-label="Answer" aria-busy={running}>
      <div className="avatar" aria-hidden="true">
        <Logo />
      </div>
      <div className="answer-body">
        {message.parts.map((part, index) => (
          <PartView
            key={asToolPart(part)?.toolCallId ?? index}
            part={part}
            session={session}
            running={running}
            ended={ended !== undefined}
            busy={busy}
            formAnswers={formAnswers}
            onSend={onSend}
          />
        ))}
        {running && isEmpty ? <Waiting /> : null}
        {sources.length ? <Sources parts={sources} /> : null}
        {words ? <p className="ended">{words}</p> : null}
        {running ? null : (
          <div className="message-actions">
            <CopyButton text={textOf(message)} label="Copy answer" />
            <IconButton
              icon="refresh"
              label="Regenerate answer"
              disabled={busy}
              onClick={() => void session.regenerate(isLast ? undefined : message.id)}
            />
            <Numbers metadata={message.metadata} />
          </div>
        )}
      </div>
    </article>
  );
}

export function Waiting() {
  return (
    <div className="dots" role="status" aria-label="The answer is on its way">
      <span />
      <span />
      <span />
    </div>
  );
}

function Numbers({ metadata }: { metadata: Metadata | undefined }) {
  const usage = metadata?.usage;
  const told = [
    metadata?.model,
    !usage?.outputTokens ? null : `${usage.outputTokens} tokens`,
    metadata?.durationMs === undefined ? null : `${(metadata.durationMs / 1000).toFixed(1)} s`,
  ].filter(Boolean);
  return told.length ? <span className="numbers">{told.join(' · ')}</span> : null;
}

interface PartProps {
  part: Part;
  session: Session;
  running: boolean;
  ended: boolean;
  busy: boolean;
  formAnswers: ReadonlyMap<string, FormAnswer>;
  onSend: Send;
}

function PartView({ part, session, running, ended, busy, formAnswers, onSend }: PartProps) {
  const tool = asToolPart(part);
  if (tool !== undefined) {
    return (
      <ToolView
        part={tool}
        session={session}
        running={running}
        ended={ended}
        busy={busy}
        formAnswer={formAnswers.get(tool.toolCallId)}
        onSend={onSend}
      />
    );
  }
  switch (part.type) {
    case 'text':
      return part.text.trim() ? <Markdown text={part.text} growing={running} open={part.state === 'streaming'} /> : null;
    case 'reasoning':
      return <Reasoning text={part.text} live={running && part.state === 'streaming'} />;
    case 'file':
      return <FileView part={part} />;
    default:
      return null;
  }
}

function Reasoning({ text, live }: { text: string; live: boolean }) {
  const [open, setOpen] = useState(false);
  const id = useId();
  if (!text.trim() && !live) return null;
  return (
    <section className={`reasoning ${live ? 'is-live' : ''}`} aria-label="Reasoning">
      <button type="button" aria-expanded={open} aria-controls={id} onClick={() => setOpen(!open)}>
        <Icon name="spark" />
        <span>{live ? 'Thinking…' : 'Reasoning'}</span>
        <Icon name="chevron" />
      </button>
      <div id={id} hidden={!open}>
        {open ? <Markdown text={text} growing={live} open={live} /> : null}
      </div>
    </section>
  );
}

type SourcePart = Extract<Part, { type: 'source-url' | 'source-document' }>;

function Sources({ parts }: { parts: SourcePart[] }) {
  return (
    <section className="sources" aria-label="Sources">
      <h2>
        <Icon name="book" /> Sources
      </h2>
      <ol>
        {parts.map((part, index) => (
          <li key={part.sourceId}>
            {part.type === 'source-url' ? (
              <a href={webAddress(part.url)} target="_blank" rel="noopener noreferrer">
                <span className="source-number">{index + 1}</span>
                <span className="source-title" dir="auto">
                  {part.title ?? hostOf(part.url)}
                </span>
                <span className="source-host">{hostOf(part.url)}</span>
              </a>
            ) : (
              <span className="source-document">
                <span className="source-number">{index + 1}</span>
                <span className="source-title">{part.title}</span>
                <span className="source-host">{part.filename ?? part.mediaType}</span>
              </span>
            )}
          </li>
        ))}
      </ol>
    </section>
  );
}

function FileView({ part }: { part: Extract<Part, { type: 'file' }> }) {
  const name = part.filename ?? part.mediaType;
  if (part.mediaType.startsWith('image/') && part.url.startsWith('data:image/')) {
    return <img className="attached-image" src={part.url} alt={name} />;
  }
  return (
    <span className="attached-file">
      <Icon name="file" />
      <span>{name}</span>
    </span>
  );
}
