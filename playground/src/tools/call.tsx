/** A call of any other tool: what goes in, how it is getting on, what came out; and where a person has to say something. */

import { useId, useRef, useState, type FormEvent } from 'react';
import { Highlighted } from '../code';
import { Icon, type IconName } from '../icons';
import { isObject, toolNameOf, type ToolPart } from '../types';

interface CallProps {
  part: ToolPart;
  /** Whether the answer is still being written, so that the server is the one to act. */
  running: boolean;
  /** Whether the answer was cut off, so that nobody will act any more. */
  ended: boolean;
  onVerdict: (approved: boolean, reason?: string) => void;
  onOutput: (output: unknown) => void;
  onRefuse: (errorText: string) => void;
}

interface State {
  words: string;
  tone: 'busy' | 'good' | 'bad' | 'waiting' | 'quiet';
  icon: IconName;
}

export function Call({ part, running, ended, onVerdict, onOutput, onRefuse }: CallProps) {
  const state = stateOf(part, running, ended);
  const name = toolNameOf(part);
  const asks = part.state === 'approval-requested' && part.approval !== undefined;
  const isOurs = part.state === 'input-available' && !running && !ended;
  const [open, setOpen] = useState(false);
  const details = useId();
  const head = useRef<HTMLButtonElement>(null);
  // The buttons go away once they are pressed; whoever uses the keyboard stays at the call.
  const stay = <Rest extends unknown[]>(act: (...rest: Rest) => void) => (...rest: Rest): void => {
    head.current?.focus();
    act(...rest);
  };
  return (
    <section className={`call ${state.tone}`} aria-label={`Tool ${name}`}>
      <button
        ref={head}
        type="button"
        className="call-head"
        aria-expanded={open}
        aria-controls={details}
        onClick={() => setOpen(!open)}
      >
        <span className="call-icon">
          <Icon name={state.icon} />
        </span>
        <span className="call-name">{part.title ?? name}</span>
        <span className={`badge ${state.tone}`}>{state.words}</span>
        <span className="spacer" />
        <Icon name="chevron" />
      </button>
      <span className="for-readers" role="status">
        {`${name}: ${state.words}`}
      </span>
      {part.preliminary ? <Progress output={part.output} /> : null}
      {asks ? (
        <Approval name={part.title ?? name} input={part.input} onVerdict={stay(onVerdict)} />
      ) : isOurs ? (
        <OwnCall name={part.title ?? name} input={part.input} onOutput={stay(onOutput)} onRefuse={stay(onRefuse)} />
      ) : null}
      {part.state === 'output-error' && part.errorText ? <p className="call-error">{part.errorText}</p> : null}
      <div id={details} hidden={!open}>
        {open ? (
          <div className="call-details">
            <Json title="Input" value={part.input} />
            {part.output === undefined ? null : <Json title={part.preliminary ? 'So far' : 'Output'} value={part.output} />}
            {part.approval?.reason ? <p className="call-reason">Reason: {part.approval.reason}</p> : null}
          </div>
        ) : null}
      </div>
    </section>
  );
}

function stateOf(part: ToolPart, running: boolean, ended: boolean): State {
  if (ended && (part.state.startsWith('input-') || part.preliminary)) {
    return { words: 'Not finished', tone: 'quiet', icon: 'tool' };
  }
  switch (part.state) {
    case 'input-streaming':
      return running
        ? { words: 'Writing the input', tone: 'busy', icon: 'tool' }
        : { words: 'Not finished', tone: 'quiet', icon: 'tool' };
    case 'input-available':
      return running
        ? { words: 'Running', tone: 'busy', icon: 'tool' }
        : { words: 'Waits for this page', tone: 'waiting', icon: 'hand' };
    case 'approval-requested':
      return { words: 'Needs your approval', tone: 'waiting', icon: 'hand' };
    case 'approval-responded':
      return part.approval?.approved
        ? { words: running ? 'Approved, running' : 'Approved', tone: 'busy', icon: 'tool' }
        : { words: 'Denied', tone: 'quiet', icon: 'close' };
    case 'output-available':
      return part.preliminary
        ? { words: 'Running', tone: 'busy', icon: 'tool' }
        : { words: 'Done', tone: 'good', icon: 'check' };
    case 'output-denied':
      return { words: 'Denied', tone: 'quiet', icon: 'close' };
    default:
      return { words: 'Failed', tone: 'bad', icon: 'alert' };
  }
}

/** A preliminary output: a bar where it tells a share of the whole, and its texts. */
function Progress({ output }: { output: unknown }) {
  const told = isObject(output) ? output : {};
  const number = typeof told.progress === 'number' ? told.progress : null;
  const share = number === null ? null : Math.max(0, Math.min(1, number > 1 ? number / 100 : number));
  const text = ['status', 'message', 'step'].map((key) => told[key]).find((value) => typeof value === 'string');
  return (
    <div className="progress">
      {share === null ? null : <progress max={1} value={share} aria-label="Progress" />}
      <p>{String(text ?? (share === null ? JSON.stringify(output) : `${Math.round(share * 100)} %`))}</p>
    </div>
  );
}

function Approval({ name, input, onVerdict }: { name: string; input: unknown; onVerdict: CallProps['onVerdict'] }) {
  const [reason, setReason] = useState('');
  const id = useId();
  return (
    <div className="ask" role="group" aria-label={`Approve ${name}`}>
      <p className="ask-words">
        The model wants to run <strong>{name}</strong> with this:
      </p>
      <Fields value={input} />
      <label className="ask-reason" htmlFor={id}>
        <span>Reason, if you deny</span>
        <input id={id} value={reason} placeholder="Optional" onChange={(event) => setReason(event.target.value)} />
      </label>
      <div className="ask-buttons">
        <button type="button" className="button primary" onClick={() => onVerdict(true)}>
          <Icon name="check" /> Approve
        </button>
        <button type="button" className="button outline" onClick={() => onVerdict(false, reason.trim() || undefined)}>
          Deny
        </button>
      </div>
    </div>
  );
}

/** A call that the page is to carry out. The playground asks its person. */
function OwnCall({
  name,
  input,
  onOutput,
  onRefuse,
}: {
  name: string;
  input: unknown;
  onOutput: (output: unknown) => void;
  onRefuse: (errorText: string) => void;
}) {
  const [text, setText] = useState('');
  const id = useId();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    onOutput(asJson(text));
  };
  return (
    <form className="ask" onSubmit={submit} aria-label={`Answer ${name}`}>
      <p className="ask-words">
        <strong>{name}</strong> runs in the page. In your application, code answers it; here, you do.
      </p>
      <Fields value={input} />
      <label className="ask-reason" htmlFor={id}>
        <span>Output, as JSON or text</span>
        <textarea id={id} rows={2} value={text} required placeholder={'{"city": "Lisbon"}'} onChange={(event) => setText(event.target.value)} />
      </label>
      <div className="ask-buttons">
        <button type="submit" className="button primary">
          Send output
        </button>
        <button type="button" className="button outline" onClick={() => onRefuse(text.trim() || 'The page could not do this.')}>
          Report an error
        </button>
      </div>
    </form>
  );
}

function asJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function Fields({ value }: { value: unknown }) {
  if (!isObject(value)) return <Json title="Input" value={value} />;
  const rows = Object.entries(value);
  if (rows.length === 0) return null;
  return (
    <dl className="answers">
      {rows.map(([name, it]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{typeof it === 'string' ? it : JSON.stringify(it)}</dd>
        </div>
      ))}
    </dl>
  );
}

function Json({ title, value }: { title: string; value: unknown }) {
  const text = JSON.stringify(value, null, 2) ?? 'none';
  return (
    <div className="json">
      <h3>{title}</h3>
      <pre tabIndex={0} aria-label={title}>
        <Highlighted code={text} language="json" />
      </pre>
    </div>
  );
}
