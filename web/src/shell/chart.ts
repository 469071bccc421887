// What all charts of the page have in common. Colours come from the style sheet, so that both themes reach the canvas.

import {
  ColorType,
  createChart,
  type ChartOptions,
  type DeepPartial,
  type IChartApi,
  type UTCTimestamp,
} from "lightweight-charts";
import { locale } from "../messages";

/** The value of a colour of the style sheet. */
export function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

/** Seconds since 1970 as the charts take them: they draw UTC, so the reader's offset is added. */
export function chartTime(seconds: number): UTCTimestamp {
  return (seconds - new Date(seconds * 1000).getTimezoneOffset() * 60) as UTCTimestamp;
}

/** How a chart looks in the theme of the moment. */
export function looks(): DeepPartial<ChartOptions> {
  const line = colour("line");
  return {
    layout: {
      background: { type: ColorType.Solid, color: "transparent" },
      textColor: colour("muted"),
      fontFamily: getComputedStyle(document.body).fontFamily,
      // Its style element would break the page's policy; the credit is in the footer.
      attributionLogo: false,
    },
    grid: { vertLines: { color: line }, horzLines: { color: line } },
    rightPriceScale: { borderColor: line },
    timeScale: { borderColor: line },
  };
}

/** A chart that fills `element`; a wheel over it scrolls the page, not the chart. */
export function makeChart(element: HTMLElement): IChartApi {
  return createChart(element, {
    ...looks(),
    autoSize: true,
    localization: { locale },
    handleScroll: { mouseWheel: false, vertTouchDrag: false },
    handleScale: { mouseWheel: false },
    // Of a few candles none is as wide as a hand.
    timeScale: {
      timeVisible: true,
      secondsVisible: false,
      maxBarSpacing: 28,
      rightOffset: 1,
      borderColor: colour("line"),
    },
  });
}
