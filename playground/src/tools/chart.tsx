/** `generateChart`: drawn by Chart.js, which is loaded with the first chart; the numbers can be read as a table too. */

import { lazy, Suspense, useId, useState } from 'react';
import { isObject } from '../types';

const Canvas = lazy(() => import('./chart-canvas'));

export interface ChartSpec {
  chartType: 'line' | 'bar' | 'pie' | 'area';
  title: string;
  description?: string;
  data: { label: string; value: number }[];
}

export function isChart(value: unknown): value is ChartSpec {
  return (
    isObject(value) &&
    ['line', 'bar', 'pie', 'area'].includes(String(value.chartType)) &&
    Array.isArray(value.data) &&
    value.data.every((row) => isObject(row) && typeof row.label === 'string' && typeof row.value === 'number')
  );
}

export function ChartPanel({ chart }: { chart: ChartSpec }) {
  const id = useId();
  const [asTable, setAsTable] = useState(false);
  return (
    <section className="panel chart" aria-labelledby={id}>
      <header className="panel-head with-badge">
        <div>
          <h2 id={id}>{chart.title}</h2>
          {chart.description ? <p>{chart.description}</p> : null}
        </div>
        <button type="button" className="button small outline" aria-pressed={asTable} onClick={() => setAsTable(!asTable)}>
          Table
        </button>
      </header>
      {asTable ? (
        <Numbers chart={chart} />
      ) : (
        <div className={`chart-area ${chart.chartType}`}>
          <Suspense fallback={<div className="skeleton chart-skeleton" />}>
            <Canvas chart={chart} />
          </Suspense>
          {chart.chartType === 'pie' ? <Legend chart={chart} /> : null}
        </div>
      )}
    </section>
  );
}

function Numbers({ chart }: { chart: ChartSpec }) {
  return (
    <div className="prose chart-table">
      <table>
        <thead>
          <tr>
            <th scope="col">Label</th>
            <th scope="col" className="align-right">
              Value
            </th>
          </tr>
        </thead>
        <tbody>
          {chart.data.map((row, index) => (
            <tr key={index}>
              <td>{row.label}</td>
              <td className="align-right">{row.value.toLocaleString()}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Legend({ chart }: { chart: ChartSpec }) {
  const total = chart.data.reduce((sum, row) => sum + row.value, 0);
  return (
    <ul className="legend">
      {chart.data.map((row, index) => (
        <li key={index}>
          <span className={`swatch series-${index % 8}`} />
          <span className="legend-label">{row.label}</span>
          <span className="legend-value">{row.value.toLocaleString()}</span>
          <span className="legend-share">{total > 0 ? `${Math.round((row.value / total) * 100)} %` : ''}</span>
        </li>
      ))}
    </ul>
  );
}
