// Drives one front end in Chromium as a person would: opens it, reloads a deep link, uploads, prints,
// opens a file in the editor. Called by `python -m tests.frontends`; prints what went wrong, one line each.
//   node drive.cjs PLAYWRIGHT NAME URL GCODE SHOTS WIDTH HEIGHT
const [playwright, name, url, gcode, shots, width, height] = process.argv.slice(2);
const { chromium } = require(playwright);
const fs = require("fs");
const os = require("os");
const path = require("path");

const places = {
  mainsail: { files: "/files", config: "/config", input: -1 },
  fluidd: { files: "#/jobs", config: "#/configure", input: 0 },
};
const place = places[name];
const wrong = new Set();
let now = "";
const file = path.basename(gcode);
const tag = `${name}-${width}`;

async function main() {
  const profile = fs.mkdtempSync(path.join(os.tmpdir(), "chromium-"));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
    headless: true,
    viewport: { width: +width, height: +height },
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
      "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
  try {
    await drive(context);
  } finally {
    await context.close();
    fs.rmSync(profile, { recursive: true, force: true });
  }
}

async function drive(context) {
  await context.addInitScript(() => {
    addEventListener("securitypolicyviolation", (event) => {
      console.error(`CSP ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}`);
    });
  });
  const page = context.pages()[0];
  const host = new URL(url).host;
  page.on("console", (message) => {
    const text = message.text();
    if (/Content.Security.Policy|^CSP /.test(text)) wrong.add(text.slice(0, 300));
  });
  page.on("pageerror", (error) => {
    const text = `${now}: script error: ${String(error).slice(0, 200)}`;
    // Work that was given up is thrown as a plain object, by Fluidd's editor.
    if (String(error) === "Object") console.log(`note: ${text}`);
    else wrong.add(text);
  });
  page.on("response", (response) => {
    const at = new URL(response.url());
    const text = `${response.status()} ${response.request().method()} ${response.url()}`;
    const own = at.host === host && !at.pathname.startsWith("/server/") && !at.pathname.startsWith("/machine/");
    if (own && response.status() >= 400) wrong.add(text);
  });
  page.setDefaultTimeout(60_000);
  await step("page", async () => {
    await page.goto(url);
    await page.getByText(/extruder/i).first().waitFor();
  });
  await shot(page, "page");
  await step("settings", () => openSettings(page));
  await step("deep link, reloaded", async () => {
    await page.goto(new URL(place.files, url).href);
    await page.getByText("calibration_cube.gcode").first().waitFor();
    await page.reload();
    await page.getByText("calibration_cube.gcode").first().waitFor();
  });
  await shot(page, "files");
  await step("upload", async () => {
    // The others print at once.
    await page.locator('input[type="file"]').nth(place.input).setInputFiles(gcode);
    await page.locator("tr").filter({ hasText: file }).first().waitFor();
  });
  await step("print", () => print(page));
  await shot(page, "print");
  await step("editor", async () => {
    await page.goto(new URL(place.config, url).href);
    // Warnings name the file as well, in a sentence.
    await page.getByText("printer.cfg", { exact: true }).first().click();
    await page.locator(".monaco-editor, .cm-editor").first().waitFor();
    await page.waitForTimeout(3000);
  });
  await shot(page, "editor");
}

// Mainsail scrolls its dialog to the top at each tab, by a library that evaluates a text.
async function openSettings(page) {
  if (name === "fluidd") {
    await page.goto(new URL("#/settings", url).href);
    await page.getByText(/printer name/i).first().waitFor();
    return;
  }
  await page.locator(".v-app-bar button").nth(-2).click();
  const tabs = page.locator(".v-dialog--active .v-tab");
  await tabs.first().waitFor();
  for (let i = 0; i < 4; i++) await tabs.nth(i).click();
  await page.keyboard.press("Escape");
}

async function print(page) {
  // Fluidd's upload prints, when it is asked so.
  if ((await printing()) !== file) await pressPrint(page);
  while ((await printing()) !== file) await page.waitForTimeout(500);
}

async function printing() {
  const answer = await fetch(new URL("/printer/objects/query?print_stats=state,filename", url));
  const told = (await answer.json()).result.status.print_stats;
  return told.state === "printing" ? told.filename : "";
}

async function pressPrint(page) {
  await page.locator("tr").filter({ hasText: file }).first().getByText(file).click();
  // A button in a dialog, or a line of a menu.
  const wanted = page.locator(".v-dialog--active button, .v-menu__content [role=menuitem], .v-menu__content .v-list-item");
  await wanted.filter({ hasText: /^\s*print\s*$/i }).first().click();
}

async function step(what, run) {
  now = what;
  try {
    await run();
    console.log(`done: ${name} ${width}: ${what}`);
  } catch (error) {
    wrong.add(`${what}: ${String(error).split("\n")[0]}`);
  }
}

async function shot(page, what) {
  await page.waitForTimeout(1500);
  await page.screenshot({ path: path.join(shots, `${tag}-${what}.png`) });
}

main().catch((error) => wrong.add(String(error))).finally(() => {
  for (const line of wrong) console.log(`wrong: ${name} ${width}: ${line}`);
  process.exit(wrong.size ? 1 : 0);
});
