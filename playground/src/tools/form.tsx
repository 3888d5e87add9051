/** `generateForm`: a form that can be filled in; what was filled in is the person's next message. */

import { useId, useState, type FormEvent } from 'react';
import type { FileUIPart } from 'ai';
import { asAttachment } from '../attachments';
import { Icon } from '../icons';
import { isObject, type FormAnswer } from '../types';

export interface FormField {
  id: string;
  type: string;
  label: string;
  placeholder?: string;
  required?: boolean;
  defaultValue?: string | number | boolean;
  options?: { label: string; value: string }[];
  min?: number;
  max?: number;
  step?: number;
}

export interface FormSpec {
  title: string;
  description?: string;
  fields: FormField[];
  submitLabel?: string;
}

export function isForm(value: unknown): value is FormSpec {
  return (
    isObject(value) &&
    typeof value.title === 'string' &&
    Array.isArray(value.fields) &&
    value.fields.every((field) => isObject(field) && typeof field.id === 'string' && typeof field.label === 'string')
  );
}

interface FormProps {
  toolCallId: string;
  form: FormSpec;
  /** What was sent, once it was. */
  answer?: FormAnswer;
  disabled: boolean;
  onSubmit: (answer: FormAnswer, files: FileUIPart[]) => void;
}

export function Form({ toolCallId, form, answer, disabled, onSubmit }: FormProps) {
  const prefix = useId();
  const [problem, setProblem] = useState('');
  if (answer !== undefined) return <Sent form={form} answer={answer} />;

  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const data = new FormData(event.currentTarget);
    try {
      const files: FileUIPart[] = [];
      for (const value of data.values()) {
        if (value instanceof File && value.size > 0) files.push(await asAttachment(value));
      }
      const values = form.fields.map((field) => ({ label: field.label, value: shown(field, data.get(field.id)) }));
      setProblem('');
      onSubmit({ toolCallId, title: form.title, values }, files);
    } catch (error) {
      setProblem(error instanceof Error ? error.message : 'The file could not be read.');
    }
  };

  return (
    <form className="panel form" aria-labelledby={`${prefix}-title`} onSubmit={(event) => void submit(event)}>
      <header className="panel-head">
        <h2 id={`${prefix}-title`}>{form.title}</h2>
        {form.description ? <p>{form.description}</p> : null}
      </header>
      <div className="form-fields">
        {form.fields.map((field) => (
          <Field key={field.id} field={field} id={`${prefix}-${field.id}`} />
        ))}
      </div>
      {problem ? (
        <p className="form-problem" role="alert">
          {problem}
        </p>
      ) : null}
      <footer className="panel-foot">
        <button type="submit" className="button primary" disabled={disabled}>
          {form.submitLabel ?? 'Send'}
        </button>
        {form.fields.some((field) => field.required) ? <span className="form-note">Fields marked * are required.</span> : null}
      </footer>
    </form>
  );
}

function Sent({ form, answer }: { form: FormSpec; answer: FormAnswer }) {
  return (
    <section className="panel form is-sent" aria-label={`${form.title}, sent`}>
      <header className="panel-head with-badge">
        <h2>{form.title}</h2>
        <span className="badge good">
          <Icon name="check" /> Sent
        </span>
      </header>
      <Answers answer={answer} />
    </section>
  );
}

/** What was filled in, label by label. */
export function Answers({ answer }: { answer: FormAnswer }) {
  return (
    <dl className="answers">
      {answer.values.map(({ label, value }) => (
        <div key={label}>
          <dt>{label}</dt>
          <dd>{value || '–'}</dd>
        </div>
      ))}
    </dl>
  );
}

/** The answer in words: what the model reads. */
export function answerText(answer: FormAnswer): string {
  const lines = answer.values.map(({ label, value }) => `- ${label}: ${value || '(empty)'}`);
  return [`Submitted: ${answer.title}`, '', ...lines].join('\n');
}

function Field({ field, id }: { field: FormField; id: string }) {
  const common = { id, name: field.id, required: field.required, placeholder: field.placeholder };
  const initial = field.defaultValue === undefined ? undefined : String(field.defaultValue);
  const label = (
    <>
      {field.label}
      {field.required ? (
        <span className="required" aria-hidden="true">
          *
        </span>
      ) : null}
    </>
  );
  switch (field.type) {
    case 'checkbox':
      return (
        <label className="field check">
          <input type="checkbox" id={id} name={field.id} required={field.required} defaultChecked={field.defaultValue === true} />
          <span>{label}</span>
        </label>
      );
    case 'radio':
      return (
        <fieldset className={`field ${isLong(field.options) ? 'wide' : ''}`}>
          <legend>{label}</legend>
          <div className="choices">
            {field.options?.map((option) => (
              <label key={option.value} className="choice">
                <input
                  type="radio"
                  name={field.id}
                  value={option.value}
                  required={field.required}
                  defaultChecked={option.value === initial}
                />
                <span>{option.label}</span>
              </label>
            ))}
          </div>
        </fieldset>
      );
    case 'slider':
      return <Slider field={field} id={id} />;
    default:
      return (
        <div className={`field ${field.type === 'textarea' || field.type === 'file' ? 'wide' : ''}`}>
          <label htmlFor={id}>{label}</label>
          {field.type === 'textarea' ? (
            <textarea {...common} rows={3} defaultValue={initial} />
          ) : field.type === 'select' ? (
            <select id={id} name={field.id} required={field.required} defaultValue={initial ?? ''}>
              <option value="">{field.placeholder ?? 'Choose…'}</option>
              {field.options?.map((option) => (
                <option key={option.value} value={option.value}>
                  {option.label}
                </option>
              ))}
            </select>
          ) : field.type === 'file' ? (
            <input type="file" id={id} name={field.id} required={field.required} />
          ) : (
            <input
              {...common}
              type={['date', 'number', 'email'].includes(field.type) ? field.type : 'text'}
              defaultValue={initial}
              min={field.min}
              max={field.max}
              step={field.type === 'number' ? (field.step ?? 'any') : undefined}
            />
          )}
        </div>
      );
  }
}

/** Whether the choices need more than half of the form's width. */
function isLong(options: FormField['options'] = []): boolean {
  return options.length > 3 || options.reduce((sum, option) => sum + option.label.length, 0) > 14;
}

function Slider({ field, id }: { field: FormField; id: string }) {
  const { min = 0, max = 100, step = 1 } = field;
  const [value, setValue] = useState(typeof field.defaultValue === 'number' ? field.defaultValue : (min + max) / 2);
  return (
    <div className="field">
      <div className="slider-head">
        <label htmlFor={id}>{field.label}</label>
        <output htmlFor={id}>{value}</output>
      </div>
      <input
        type="range"
        id={id}
        name={field.id}
        min={min}
        max={max}
        step={step}
        value={value}
        onChange={(event) => setValue(Number(event.target.value))}
      />
      <div className="slider-ends" aria-hidden="true">
        <span>{min}</span>
        <span>{max}</span>
      </div>
    </div>
  );
}

function shown(field: FormField, value: FormDataEntryValue | null): string {
  if (field.type === 'checkbox') return value === null ? 'no' : 'yes';
  if (value instanceof File) return value.size > 0 ? value.name : '';
  return field.options?.find((option) => option.value === value)?.label ?? value ?? '';
}
