/** Small parts that many places use: buttons, copying, menus and sheets. */

import { useEffect, useRef, useState, type ButtonHTMLAttributes, type KeyboardEvent, type ReactNode } from 'react';
import { Icon, type IconName } from './icons';

interface IconButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  icon: IconName;
  label: string;
}

/** A button that shows a picture and says its name. */
export function IconButton({ icon, label, className = '', ...rest }: IconButtonProps) {
  return (
    <button type="button" className={`icon-button ${className}`} aria-label={label} title={label} {...rest}>
      <Icon name={icon} />
    </button>
  );
}

export function CopyButton({ text, label = 'Copy', words }: { text: string; label?: string; words?: string }) {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), 1600);
    return () => clearTimeout(timer);
  }, [copied]);
  const name = copied ? 'Copied' : label;
  return (
    <button
      type="button"
      className={words ? 'button small ghost' : 'icon-button'}
      aria-label={name}
      title={name}
      onClick={() => void copy(text).then(setCopied)}
    >
      <Icon name={copied ? 'check' : 'copy'} />
      {words ? <span>{copied ? 'Copied' : words}</span> : null}
    </button>
  );
}

async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Without HTTPS a browser offers no clipboard; the old way works from a click.
    const area = document.createElement('textarea');
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand('copy');
    area.remove();
    return done;
  }
}

interface SheetProps {
  title: string;
  onClose: () => void;
  className?: string;
  children: ReactNode;
}

/** A modal dialog; the browser keeps the focus inside and closes it with Escape; afterwards it is where it was. */
export function Sheet({ title, onClose, className = '', children }: SheetProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const before = document.activeElement;
    dialog.current?.showModal();
    return () => {
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  return (
    <dialog
      ref={dialog}
      className={`sheet ${className}`}
      aria-label={title}
      onClose={onClose}
      onClick={(event) => event.target === dialog.current && onClose()}
    >
      <div className="sheet-body">{children}</div>
    </dialog>
  );
}

export interface Choice {
  id: string;
  label: string;
  detail?: string;
  notes?: string[];
}

interface MenuProps {
  label: string;
  choices: Choice[];
  chosen: string;
  onChoose: (id: string) => void;
}

/** A button that opens a list of which one is chosen: arrows, Home, End, Enter and Escape. */
export function Menu({ label, choices, chosen, onChoose }: MenuProps) {
  const [open, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  const current = choices.find((choice) => choice.id === chosen) ?? choices[0];

  useEffect(() => {
    if (!open) return;
    root.current?.querySelector<HTMLElement>('[aria-checked="true"]')?.focus();
    const outside = (event: PointerEvent) => {
      if (!root.current?.contains(event.target as Node)) setOpen(false);
    };
    document.addEventListener('pointerdown', outside);
    return () => document.removeEventListener('pointerdown', outside);
  }, [open]);

  const close = () => {
    setOpen(false);
    root.current?.querySelector('button')?.focus();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const items = Array.from(root.current?.querySelectorAll<HTMLElement>('[role="menuitemradio"]') ?? []);
    const at = items.indexOf(document.activeElement as HTMLElement);
    const next = { ArrowDown: at + 1, ArrowUp: at - 1 + items.length, Home: 0, End: items.length - 1 }[event.key];
    if (event.key === 'Escape') close();
    else if (event.key === 'Tab') setOpen(false);
    else if (next !== undefined) items[next % items.length]?.focus();
    else return;
    if (event.key !== 'Tab') event.preventDefault();
  };

  return (
    <div className="menu" ref={root} onKeyDown={open ? onKeyDown : undefined}>
      <button
        type="button"
        className="menu-button"
        aria-haspopup="menu"
        aria-expanded={open}
        disabled={choices.length === 0}
        aria-label={`${label}: ${current?.label ?? 'none'}`}
        onClick={() => setOpen(!open)}
      >
        <span>{current?.label ?? label}</span>
        <Icon name="chevron" />
      </button>
      {open ? (
        <div className="menu-list" role="menu" aria-label={label}>
          {choices.map((choice) => (
            <button
              type="button"
              key={choice.id}
              role="menuitemradio"
              aria-checked={choice.id === current?.id}
              className="menu-item"
              tabIndex={-1}
              onClick={() => {
                onChoose(choice.id);
                close();
              }}
            >
              <span className="menu-text">
                <span className="menu-name">{choice.label}</span>
                {choice.detail ? <span className="menu-detail">{choice.detail}</span> : null}
                {choice.notes?.length ? <span className="menu-notes">{choice.notes.join(' · ')}</span> : null}
              </span>
              {choice.id === current?.id ? <Icon name="check" /> : null}
            </button>
          ))}
        </div>
      ) : null}
    </div>
  );
}
