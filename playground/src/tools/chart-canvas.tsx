/** The part of a chart that needs Chart.js; only what the four kinds use of it is in the bundle. */

import {
  ArcElement,
  BarController,
  BarElement,
  CategoryScale,
  Chart,
  DoughnutController,
  Filler,
  LinearScale,
  LineController,
  LineElement,
  PointElement,
  Tooltip,
  type ChartConfiguration,
} from 'chart.js';
import { useEffect, useRef, useSyncExternalStore } from 'react';
import * as theme from '../theme';
import type { ChartSpec } from './chart';

Chart.register(
  ArcElement,
  BarController,
  BarElement,
  CategoryScale,
  DoughnutController,
  Filler,
  LinearScale,
  LineController,
  LineElement,
  PointElement,
  Tooltip,
);

export default function Canvas({ chart }: { chart: ChartSpec }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const shade = useSyncExternalStore(theme.subscribe, theme.current);
  useEffect(() => {
    if (canvas.current === null) return;
    const drawn = new Chart(canvas.current, configuration(chart));
    return () => drawn.destroy();
  }, [chart, shade]);
  return (
    <div className="chart-canvas">
      <canvas ref={canvas} role="img" aria-label={inWords(chart)} />
    </div>
  );
}

function configuration(chart: ChartSpec): ChartConfiguration<'line' | 'bar' | 'doughnut'> {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const series = Array.from({ length: 8 }, (_, n) => colour(`--series-${n}`));
  const [main = ''] = series;
  const isPie = chart.chartType === 'pie';
  const isBar = chart.chartType === 'bar';
  const still = matchMedia('(prefers-reduced-motion: reduce)').matches;
  return {
    type: isPie ? 'doughnut' : isBar ? 'bar' : 'line',
    data: {
      labels: chart.data.map((row) => row.label),
      datasets: [
        {
          label: chart.title,
          data: chart.data.map((row) => row.value),
          ...(isPie
            ? { backgroundColor: chart.data.map((_, n) => series[n % 8]), borderColor: colour('--panel'), borderWidth: 3, hoverOffset: 4 }
            : isBar
              ? { backgroundColor: main, hoverBackgroundColor: colour('--accent-strong'), borderRadius: 6, maxBarThickness: 56 }
              : {
                  borderColor: main,
                  backgroundColor: (context: { chart: Chart }) => shading(context.chart, main),
                  fill: chart.chartType === 'area' ? 'origin' : false,
                  borderWidth: 2.5,
                  tension: 0.32,
                  pointRadius: chart.data.length > 40 ? 0 : 3.5,
                  pointBackgroundColor: colour('--panel'),
                  pointBorderColor: main,
                  pointBorderWidth: 2,
                  pointHoverRadius: 5,
                }),
        },
      ],
    },
    options: {
      responsive: true,
      maintainAspectRatio: false,
      animation: still ? false : { duration: 500 },
      interaction: isPie ? { mode: 'nearest' } : { mode: 'index', intersect: false },
      ...(isPie ? { cutout: '58%' } : {}),
      plugins: {
        tooltip: {
          backgroundColor: colour('--ink'),
          titleColor: colour('--page'),
          bodyColor: colour('--page'),
          padding: 10,
          cornerRadius: 8,
          displayColors: isPie,
          titleFont: { family: 'Inter Variable', weight: 600 },
          bodyFont: { family: 'Inter Variable' },
        },
      },
      scales: isPie
        ? {}
        : {
            x: {
              grid: { display: false },
              border: { color: colour('--line') },
              ticks: { color: colour('--muted'), font: { family: 'Inter Variable', size: 12 } },
            },
            y: {
              beginAtZero: chart.chartType !== 'line',
              grid: { color: colour('--line') },
              border: { display: false },
              ticks: { color: colour('--muted'), font: { family: 'Inter Variable', size: 12 }, maxTicksLimit: 6, padding: 8 },
            },
          },
    },
  };
}

function shading(chart: Chart, colour: string): CanvasGradient | string {
  const area = chart.chartArea;
  if (!area) return colour;
  const gradient = chart.ctx.createLinearGradient(0, area.top, 0, area.bottom);
  gradient.addColorStop(0, `${colour}66`);
  gradient.addColorStop(1, `${colour}08`);
  return gradient;
}

function inWords(chart: ChartSpec): string {
  const rows = chart.data.slice(0, 30).map((row) => `${row.label} ${row.value}`);
  return `${chart.chartType} chart, ${chart.title}: ${rows.join(', ')}`;
}
