/** Where the person writes: text, pictures and files by button, paste or drop; sending, and stopping what runs. */

import type { FileUIPart } from 'ai';
import { forwardRef, useImperativeHandle, useRef, useState, type ClipboardEvent, type DragEvent, type KeyboardEvent } from 'react';
import { asAttachment } from './attachments';
import { IconButton } from './controls';
import { Icon } from './icons';
import type { Part } from './types';

export interface ComposerHandle {
  focus(): void;
}

interface ComposerProps {
  busy: boolean;
  /** Why nothing can be sent at the moment besides a running answer; empty when it can. */
  hint: string;
  onSend: (parts: Part[]) => void;
  onStop: () => void;
}

export const Composer = forwardRef<ComposerHandle, ComposerProps>(function Composer({ busy, hint, onSend, onStop }, ref) {
  const [text, setText] = useState('');
  const [files, setFiles] = useState<FileUIPart[]>([]);
  const [problem, setProblem] = useState('');
  const [dropping, setDropping] = useState(false);
  const area = useRef<HTMLTextAreaElement>(null);
  const picker = useRef<HTMLInputElement>(null);
  useImperativeHandle(ref, () => ({ focus: () => area.current?.focus() }), []);

  const canSend = !busy && (text.trim() !== '' || files.length > 0);
  const send = () => {
    if (!canSend) return;
    const words: Part[] = text.trim() ? [{ type: 'text', text: text.trim() }] : [];
    onSend([...files, ...words]);
    setText('');
    setFiles([]);
    setProblem('');
  };
  const attach = async (chosen: Iterable<File>) => {
    setProblem('');
    for (const file of chosen) {
      try {
        const part = await asAttachment(file);
        setFiles((before) => [...before, part]);
      } catch (error) {
        setProblem(error instanceof Error ? error.message : 'The file could not be read.');
      }
    }
    area.current?.focus();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    send();
  };
  const onPaste = (event: ClipboardEvent) => {
    if (event.clipboardData.files.length === 0) return;
    event.preventDefault();
    void attach(Array.from(event.clipboardData.files));
  };
  const onDrop = (event: DragEvent) => {
    event.preventDefault();
    setDropping(false);
    void attach(Array.from(event.dataTransfer.files));
  };

  return (
    <div className="composer-dock">
      <form
        className={`composer ${dropping ? 'is-dropping' : ''}`}
        aria-label="Write a message"
        onSubmit={(event) => {
          event.preventDefault();
          send();
        }}
        onDragOver={(event) => {
          event.preventDefault();
          setDropping(true);
        }}
        onDragLeave={() => setDropping(false)}
        onDrop={onDrop}
      >
        {files.length ? (
          <ul className="composer-files" aria-label="Attached">
            {files.map((file, index) => (
              <li key={index} className="chip">
                {file.mediaType.startsWith('image/') ? <img src={file.url} alt="" /> : <Icon name="file" />}
                <span>{file.filename ?? file.mediaType}</span>
                <IconButton
                  icon="close"
                  label={`Remove ${file.filename ?? 'file'}`}
                  onClick={() => setFiles(files.filter((_, n) => n !== index))}
                />
              </li>
            ))}
          </ul>
        ) : null}
        <textarea
          ref={area}
          value={text}
          rows={1}
          dir="auto"
          aria-label="Message"
          placeholder="Ask anything"
          onChange={(event) => setText(event.target.value)}
          onKeyDown={onKeyDown}
          onPaste={onPaste}
        />
        <div className="composer-foot">
          <input
            ref={picker}
            type="file"
            multiple
            hidden
            aria-label="Files to attach"
            onChange={(event) => {
              void attach(Array.from(event.target.files ?? []));
              event.target.value = '';
            }}
          />
          <IconButton icon="paperclip" label="Attach pictures or files" onClick={() => picker.current?.click()} />
          <span className="composer-hint">{hint || (busy ? 'You can write on meanwhile' : 'Enter sends, Shift + Enter starts a new line')}</span>
          {/* Two buttons, not one that changes: a click on Stop would end as a click on Send. */}
          {busy ? (
            <IconButton key="stop" icon="stop" label="Stop the answer" className="round stop" onClick={onStop} />
          ) : (
            <IconButton key="send" icon="arrowUp" label="Send" type="submit" className="round send" disabled={!canSend} />
          )}
        </div>
      </form>
      {problem ? (
        <p className="composer-problem" role="alert">
          {problem}
        </p>
      ) : null}
    </div>
  );
});
