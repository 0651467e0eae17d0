// A client made of nothing but the documents: it must compile (`nox -s schemas`).
import createClient from "openapi-fetch";
import type { paths, webhooks } from "./api";

type Sent<Name extends keyof webhooks> = NonNullable<
  webhooks[Name]["post"]
>["requestBody"]["content"]["application/json"];
type Notification = { [Name in keyof webhooks]: Sent<Name> }[keyof webhooks];

export function heard(message: Notification): string {
  switch (message.method) {
    case "notify_gcode_response":
      return message.params[0];
    case "notify_history_changed":
      return message.params[0].job.filename;
    case "notify_job_queue_changed":
      return message.params[0].queue_state;
    case "notify_power_changed":
      return `${message.params[0].device} is ${message.params[0].status}`;
    case "notify_status_update":
      return `${Object.keys(message.params[0]).length} objects at ${message.params[1]}`;
    default:
      return message.method;
  }
}

export async function queueAndCount(address: string): Promise<number> {
  const client = createClient<paths>({ baseUrl: address });
  const { data, error } = await client.GET("/server/job_queue/status");
  if (error) throw new Error(error.error.message);
  const info = await client.GET("/server/info", { params: { query: { raw: true } } });
  if (info.data?.result?.klippy_state === "ready") {
    await client.POST("/server/job_queue/job", { body: { filenames: ["a.gcode"] } });
  }
  return data.result?.queued_jobs.length ?? 0;
}

export async function storeAndRead(address: string, content: Blob, name: string): Promise<Blob> {
  const client = createClient<paths>({ baseUrl: address });
  const stored = await client.POST("/server/files/upload", {
    // What is binary is a string to openapi-typescript; the form is made of it below.
    body: { file: name, root: "gcodes", print: "false" },
    bodySerializer: ({ file, ...fields }) => {
      const form = new FormData();
      Object.entries(fields).forEach(([field, value]) => form.set(field, String(value)));
      form.set("file", content, file);
      return form;
    },
  });
  if (stored.error) throw new Error(stored.error.error.message);
  const { root, path } = stored.data.item;
  const read = await client.GET("/server/files/{root}/{path}", {
    params: { path: { root, path }, header: { Range: "bytes=0-99" } },
    parseAs: "blob",
  });
  if (read.error) throw new Error(typeof read.error === "string" ? read.error : read.error.error.message);
  // 304 has none, but nobody asked for it.
  return read.data ?? new Blob();
}
