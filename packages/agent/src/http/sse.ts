/** Server-sent events (HTML living standard, §9.2): numbered, resumable, with a heartbeat so that proxies keep the line open. */

const HEARTBEAT_MS = 15_000;

/** An event; all of it is sent as JSON. */
export interface StreamedEvent {
  readonly type: string;
  readonly sequence: number;
}

/** Events as a response; ends with the events, or when the client is gone. */
export function eventStream(events: AsyncGenerator<StreamedEvent>, signal: AbortSignal): Response {
  const encoder = new TextEncoder();
  let heartbeat: NodeJS.Timeout | undefined;
  const stream = new ReadableStream<Uint8Array>({
    start: (controller) => {
      controller.enqueue(encoder.encode('retry: 1000\n\n'));
      heartbeat = setInterval(() => {
        try {
          controller.enqueue(encoder.encode(': still here\n\n'));
        } catch {
          clearInterval(heartbeat);
        }
      }, HEARTBEAT_MS);
      heartbeat.unref();
    },
    pull: async (controller) => {
      const { done, value } = await events.next();
      if (done !== true && !signal.aborted) {
        controller.enqueue(encoder.encode(`id: ${value.sequence}\nevent: ${value.type}\ndata: ${JSON.stringify(value)}\n\n`));
        return;
      }
      clearInterval(heartbeat);
      controller.close();
    },
    cancel: () => {
      clearInterval(heartbeat);
      events.return(undefined).catch(() => undefined); // may wait for the next event, which is not needed
    },
  });
  return new Response(stream, {
    headers: { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-store', 'x-accel-buffering': 'no' },
  });
}
