/** How far work on many samples has got. */
export interface Progress {
  readonly done: number;
  readonly total: number;
  readonly samplesPerSecond: number;
  readonly secondsLeft: number;
}
