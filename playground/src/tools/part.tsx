/** Chooses how a tool part is shown: drawn, when it is a display tool's, else as a call. */

import type { FileUIPart } from 'ai';
import { Icon, type IconName } from '../icons';
import type { Send, Session } from '../session';
import { isObject, toolNameOf, type FormAnswer, type Part, type ToolPart } from '../types';
import { Call } from './call';
import { Card, isCard } from './card';
import { ChartPanel, isChart } from './chart';
import { answerText, Form, isForm } from './form';
import { isListing, Listing } from './listing';

const DRAWN: Record<string, { icon: IconName; words: string }> = {
  generateForm: { icon: 'form', words: 'Preparing a form' },
  generateChart: { icon: 'chart', words: 'Drawing a chart' },
  generateCode: { icon: 'code', words: 'Writing code' },
  generateCard: { icon: 'card', words: 'Making a card' },
};

interface ToolViewProps {
  part: ToolPart;
  session: Session;
  /** Whether this answer is being written. */
  running: boolean;
  ended: boolean;
  /** Whether any answer is, so that nothing else can be sent. */
  busy: boolean;
  formAnswer?: FormAnswer;
  onSend: Send;
}

export function ToolView({ part, session, running, ended, busy, formAnswer, onSend }: ToolViewProps) {
  const name = toolNameOf(part);
  const send = (text: string) => onSend([{ type: 'text', text }]);
  const drawn = DRAWN[name];
  if (drawn !== undefined && (part.state === 'input-streaming' || part.state === 'input-available') && running) {
    const title = isObject(part.input) && typeof part.input.title === 'string' ? part.input.title : '';
    return (
      <div className="panel making" role="status">
        <Icon name={drawn.icon} />
        <span>{drawn.words}</span>
        <span className="making-title">{title}</span>
      </div>
    );
  }
  if (part.state === 'output-available' && isObject(part.output) && typeof part.output.type === 'string') {
    const output = part.output;
    if (output.type === 'form' && isForm(output)) {
      const submit = (answer: FormAnswer, files: FileUIPart[]) => {
        const parts: Part[] = [...files, { type: 'text', text: answerText(answer) }];
        onSend(parts, { metadata: { form: answer } });
      };
      return <Form toolCallId={part.toolCallId} form={output} answer={formAnswer} disabled={busy} onSubmit={submit} />;
    }
    if (output.type === 'chart' && isChart(output)) return <ChartPanel chart={output} />;
    if (output.type === 'code' && isListing(output)) return <Listing listing={output} disabled={busy} onSend={send} />;
    if (output.type === 'card' && isCard(output)) return <Card card={output} disabled={busy} onSend={send} />;
  }
  return (
    <Call
      part={part}
      running={running}
      ended={ended}
      onVerdict={(approved, reason) => part.approval && void session.approve(part.approval.id, approved, reason)}
      onOutput={(output) => void session.answerCall(name, part.toolCallId, output)}
      onRefuse={(errorText) => void session.refuseCall(name, part.toolCallId, errorText)}
    />
  );
}
