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
