// Drives the page in Chromium as a person would, and says what is not as it should be.
//   node drive.cjs MODULES SHOTS OPEN_URL LOCKED_URL
// MODULES holds playwright-core and axe-core; OPEN_URL is a demo that trusts this host; LOCKED_URL
// one whose user `ann` (password `secret-ann`) has to log in, with a mistake in its configuration.
const fs = require("fs");
const os = require("os");
const path = require("path");
const [modules, shots, openUrl, lockedUrl] = process.argv.slice(2);
const { chromium } = require(path.join(modules, "playwright-core"));
const axe = fs.readFileSync(path.join(modules, "axe-core", "axe.min.js"), "utf8");

const TABS = ["status", "files", "runs", "log", "config", "access", "api"];
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
const ARGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const problems = [];
let checks = 0;
function check(what, fine, detail = "") {
  checks += 1;
  if (!fine) { problems.push(`${what} ${detail}`); console.log(`NOT: ${what} ${detail}`); }
}

async function inBrowser(width, height, colorScheme, use) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "page-"));
  const context = await chromium.launchPersistentContext(folder, { executablePath: process.env.CHROMIUM || "/usr/bin/chromium", headless: true, viewport: { width, height }, colorScheme, args: ARGS });
  const page = context.pages()[0];
  page.setDefaultTimeout(60000);
  page.said = [];
  page.on("console", (message) => { if (["error", "warning"].includes(message.type())) page.said.push(message.text().slice(0, 300)); });
  page.on("pageerror", (error) => page.said.push(`${error.message} ${error.stack}`.slice(0, 400)));
  try { await use(page); } finally { await context.close(); fs.rmSync(folder, { recursive: true, force: true }); }
}

const connected = (page) => page.waitForSelector("#link[data-link=connected]");
const state = (page, name) => page.waitForSelector(`#state[data-state=${name}]`);
async function turn(page, tab) {
  await page.evaluate((name) => { location.hash = `#${name}`; }, tab);
  await page.waitForSelector(`#${tab}-tab:not([hidden])`);
}
// The page asks without telling when it is done: until nothing has moved for a while.
const settled = (page) => page.waitForLoadState("networkidle").catch(() => {}).then(() => page.waitForTimeout(700));

async function accessible(page, where) {
  await page.evaluate(axe);
  const found = await page.evaluate((rules) => axe.run(document, { runOnly: rules }), RULES);
  for (const one of found.violations) check(`axe-core on ${where}: ${one.id}`, false, one.nodes.map((node) => node.html.slice(0, 200)).join(" | "));
  check(`axe-core ran on ${where}`, found.passes.length > 10);
}

async function everyTab(width, height, scheme) {
  await inBrowser(width, height, scheme, async (page) => {
    await page.goto(openUrl);
    await connected(page);
    for (const tab of TABS) {
      await turn(page, tab);
      await settled(page);
      if (tab === "api") {
        await page.fill("#api-search", "server.logs.tail");
        await page.click("#api-methods button");
        await page.click("#api-method button.strong");
        await page.waitForSelector("#api-method .answer:not([hidden])");
        await page.screenshot({ path: path.join(shots, `rpc-${width}-${scheme}.png`) });
        check("the explorer's answer", (await page.textContent("#api-method .answer")).includes('"lines"'));
      }
      if (tab === "log") check("lines in the log", await page.locator("#log-lines p").count() > 0);
      if (tab === "runs") check("bars of lag", await page.locator("#histogram tr").count() > 5);
      const where = `${tab} ${width} ${scheme}`;
      await page.screenshot({ path: path.join(shots, `${tab}-${width}-${scheme}.png`) });
      check(`${where} fits the width`, await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
      await accessible(page, where);
    }
    check(`nothing in the console of ${width} ${scheme}`, page.said.length === 0, page.said.join(" | "));
  });
}

async function firstPaint() {
  await inBrowser(360, 740, "light", async (page) => {
    let all = 0, document = 0;
    const asked = [];
    page.on("response", async (response) => {
      asked.push(response.url());
      const size = (await response.body().catch(() => "")).length;
      if (response.request().resourceType() === "document") document += size;
      if (response.url().includes("/mrk/") || response.url() === openUrl) all += size;
    });
    // Without its scripts the page still shows what it is and how the printer is.
    await page.route("**/*.js", (route) => route.abort());
    await page.goto(openUrl);
    check("the first paint takes one request", asked.length === 1, asked.join(" "));
    check("it shows the state without scripts", (await page.textContent("#state")) === "Ready");
    check("it is painted", await page.evaluate(() => performance.getEntriesByName("first-contentful-paint").length === 1));
    check("the first paint is below 60 KB", document > 1000 && document < 60000, String(document));
    await page.unroute("**/*.js");
    all = document = 0;
    await page.goto(openUrl);
    await connected(page);
    for (const tab of TABS) { await turn(page, tab); await settled(page); }
    console.log(`first paint ${document} bytes, in all ${all} bytes`);
    check("the page is below 100 KB in all", all > document && all < 100000, String(all));
    check("nothing is asked of others", asked.every((url) => url.startsWith(new URL(openUrl).origin) || url.startsWith("data:")), asked.join(" "));
  });
}

async function keyboard() {
  await inBrowser(1400, 900, "light", async (page) => {
    await page.goto(openUrl);
    await connected(page);
    await page.keyboard.press("Tab");
    check("the first stop skips to the content", await page.evaluate(() => document.activeElement.className === "skip"));
    await page.keyboard.press("Tab");
    check("then the emergency stop", await page.evaluate(() => document.activeElement.id === "stop"));
    await page.keyboard.press("Enter");
    check("it asks first, with the harmless answer in focus", await page.evaluate(() => document.getElementById("ask").open && document.activeElement.id === "ask-no"));
    await page.keyboard.press("Escape");
    check("Escape leaves the printer alone", await page.evaluate(() => !document.getElementById("ask").open));
    check("the printer is still ready", await page.getAttribute("#state", "data-state") === "ready");
    for (const tab of TABS.slice(1)) {
      await page.focus(`nav a[href="#${tab}"]`);
      await page.keyboard.press("Enter");
      await page.waitForSelector(`#${tab}-tab:not([hidden])`);
    }
  });
}

const focused = (page) => page.evaluate(() => document.activeElement.getAttribute("aria-label") || document.activeElement.textContent);
async function focusStays() {
  await inBrowser(1400, 900, "light", async (page) => {
    await page.goto(`${openUrl}#files`);
    await connected(page);
    const put = (name, folder) => page.evaluate(async ([file, path]) => {
      const form = new FormData();
      form.append("path", path);
      form.append("file", new File(["G28\n"], file));
      await fetch("/server/files/upload", { method: "POST", body: form });
    }, [name, folder]);
    for (const name of ["one.gcode", "two.gcode"]) await put(name, "inner");
    await put("packed.zip", "inner");
    await page.getByRole("button", { name: "inner/" }).press("Enter");
    await page.getByLabel("Delete packed.zip").waitFor();
    const told = await focused(page);
    check("in a folder, the focus is on its first row", /^(Print|Put|Download|Delete) /.test(told), told);
    check("only g-code is offered for print", await page.locator('[aria-label="Print packed.zip"], [aria-label="Put packed.zip into the queue"]').count() === 0);
    check("g-code is", await page.locator('[aria-label="Print one.gcode"]').count() === 1);
    await page.getByLabel("Print one.gcode").focus();
    await put("three.gcode", "inner");
    await page.getByLabel("Delete three.gcode").waitFor();
    check("rows drawn anew keep the focus", (await focused(page)) === "Print one.gcode", await focused(page));
    await page.getByLabel("Delete three.gcode").press("Enter");
    await page.locator("#ask-yes").press("Enter");
    await page.getByLabel("Delete three.gcode").waitFor({ state: "detached" });
    check("behind a deleted row it is on the next one", (await focused(page)).startsWith("Delete "), await focused(page));
    await page.evaluate(() => fetch("/server/files/directory?path=gcodes/inner&force=true", { method: "DELETE" }));
  });
}

// WCAG's reflow: 1280 pixels at 400 %.
async function reflow() {
  await inBrowser(320, 256, "light", async (page) => {
    await page.goto(openUrl);
    await connected(page);
    for (const tab of TABS) {
      await turn(page, tab);
      await settled(page);
      check(`${tab} reflows`, await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
    }
    await turn(page, "config");
    const name = page.locator("#config-files code").first();
    check("names of configuration files stay in one line", (await name.boundingBox()).height < 40);
  });
}

// Browsers write quotes in names as %22.
const HOSTILE = "<img src=x onerror=window.ran=1>.gcode";
async function printing() {
  await inBrowser(1400, 900, "dark", async (page) => {
    await page.goto(openUrl);
    await connected(page);
    await turn(page, "files");
    await page.waitForSelector("#file-rows tr");
    // Uploads, by drop as by choice; a name is only ever text.
    const gcode = await page.evaluate(async () => (await fetch("/server/files/gcodes/calibration_cube.gcode")).text());
    await page.evaluate(([name, text]) => {
      const data = new DataTransfer();
      data.items.add(new File([text], name));
      document.getElementById("files-tab").dispatchEvent(new DragEvent("drop", { bubbles: true, cancelable: true, dataTransfer: data }));
    }, [HOSTILE, gcode]);
    await page.getByText(HOSTILE, { exact: true }).first().waitFor();
    await page.waitForFunction(() => [...document.querySelectorAll("#file-rows tr")].length === 2);
    await page.setInputFiles("#upload", { name: "large.gcode", mimeType: "text/plain", buffer: Buffer.alloc(30_000_000, "G1 X1 Y1\n") });
    await page.waitForFunction(() => [...document.querySelectorAll("#uploads progress")].some((bar) => bar.value > 0));
    await page.screenshot({ path: path.join(shots, "upload.png") });
    await page.getByText("large.gcode is stored").waitFor();
    await page.fill("#files-filter", "large");
    await page.waitForFunction(() => document.querySelectorAll("#file-rows tr").length === 1);
    await page.click('[aria-label="Delete large.gcode"]');
    await page.click("#ask-yes");
    await page.waitForFunction(() => document.querySelectorAll("#file-rows tr").length === 0);
    await page.fill("#files-filter", "");
    // A print from its start to its end, with a pause.
    await page.getByRole("button", { name: `Print ${HOSTILE}` }).click();
    await page.click("#ask-yes");
    await state(page, "printing");
    await page.waitForFunction(() => document.getElementById("job-progress").value > 5);
    check("the picture of the print", await page.evaluate(() => document.getElementById("job-image").naturalWidth > 0));
    await page.screenshot({ path: path.join(shots, "printing.png") });
    await page.press("#job-pause", "Enter");
    await state(page, "paused");
    await page.screenshot({ path: path.join(shots, "paused.png") });
    check("in the place of pause, resume has the focus", await page.evaluate(() => document.activeElement.id === "job-resume"));
    await page.keyboard.press("Enter");
    await state(page, "printing");
    await page.waitForFunction(() => document.getElementById("job-percent").textContent === "100 %", null, { timeout: 180000 });
    await page.waitForSelector("#job-again:not([hidden])");
    await page.screenshot({ path: path.join(shots, "printed.png") });
    // Another one, cancelled.
    await page.click("#job-again");
    await state(page, "printing");
    await page.click("#job-cancel");
    await page.click("#ask-yes");
    await page.waitForSelector("#job-clear:not([hidden])");
    await page.click("#job-clear");
    await page.waitForSelector("#job-idle:not([hidden])");
    // Console and heaters.
    await page.fill("#console-input", "M117 <b>bold</b>");
    await page.press("#console-input", "Enter");
    await page.getByText("› M117 <b>bold</b>").waitFor();
    await page.fill("#console-input", "NO_SUCH_COMMAND");
    await page.press("#console-input", "Enter");
    await page.getByText("Unknown command").first().waitFor();
    await page.fill('[aria-label^="Target of extruder"]', "120");
    await page.press('[aria-label^="Target of extruder"]', "Enter");
    await page.waitForFunction(() => parseFloat(document.querySelector("#temps tr td:nth-child(2)").textContent) > 60);
    await page.click("#heaters-off");
    // The queue.
    await turn(page, "files");
    await page.click('[aria-label="Put calibration_cube.gcode into the queue"]');
    await turn(page, "status");
    await page.click('[aria-label="Remove calibration_cube.gcode from the queue"]');
    await page.waitForSelector("#queue-empty:not([hidden])");
    // A camera: any picture will do.
    const camera = { name: "<b>cam</b>", service: "mjpegstreamer", stream_url: "/server/files/gcodes/.thumbs/calibration_cube-300x300.png" };
    await page.evaluate((record) => fetch("/server/webcams/item", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(record) }), camera);
    await page.waitForFunction(() => { const image = document.querySelector("#camera img"); return image && image.naturalWidth > 0; });
    await page.screenshot({ path: path.join(shots, "camera.png") });
    await page.click("#camera-toggle");
    check("a camera can be hidden", await page.locator("#camera img").count() === 0);
    await page.evaluate((name) => fetch(`/server/webcams/item?name=${encodeURIComponent(name)}`, { method: "DELETE" }), camera.name);
    check("nothing from outside ran", await page.evaluate(() => window.ran === undefined));
    check("the policy had nothing to stop", !page.said.some((text) => text.includes("Content Security Policy")), page.said.join(" | "));
  });
}

async function emergencyStop() {
  await inBrowser(360, 740, "light", async (page) => {
    await page.goto(openUrl);
    await connected(page);
    await page.click("#stop");
    await page.screenshot({ path: path.join(shots, "stop.png") });
    await accessible(page, "the question before a stop");
    await page.click("#ask-yes");
    await state(page, "shutdown");
    await page.waitForSelector("#klippy:not([hidden])");
    await page.screenshot({ path: path.join(shots, "stopped.png") });
    await accessible(page, "a printer that was stopped");
    await page.click("#firmware-restart");
    await state(page, "ready");
    check("the banner goes", await page.isHidden("#klippy"));
  });
}

async function explorer() {
  await inBrowser(1400, 900, "light", async (page) => {
    await page.goto(`${openUrl}#api`);
    await connected(page);
    await page.selectOption("#api-kind", "http");
    await page.fill("#api-search", "GET /server/files/list");
    await page.click("#api-methods button");
    await page.fill("#api-method textarea", '{"root": "gcodes"}');
    await page.click("#api-method button.strong");
    await page.getByText('"calibration_cube.gcode"').waitFor();
    await page.fill("#api-method textarea", "[1]");
    await page.click("#api-method button.strong");
    await page.getByText("not a JSON object").waitFor();
    await page.fill("#api-search", "POST /printer/gcode/script");
    await page.click("#api-methods button");
    await page.fill("#api-method textarea", '{"script": "M117 explored"}');
    await page.click("#api-method button.strong");
    await page.click("#ask-yes");
    await page.getByText("200 OK").waitFor();
    await page.selectOption("#api-kind", "notifications");
    await page.fill("#api-search", "notify_klippy_ready");
    await page.click("#api-methods button");
    check("what a notification carries", (await page.textContent("#api-method pre")).includes('"maxItems": 0'));
    await accessible(page, "the explorer");
    await page.screenshot({ path: path.join(shots, "explorer.png") });
    check("nothing in the console of the explorer", page.said.length === 0, page.said.join(" | "));
  });
}

async function people() {
  await inBrowser(1400, 900, "light", async (page) => {
    await page.goto(openUrl);
    await connected(page);
    await turn(page, "access");
    await page.waitForSelector("#first-card:not([hidden])");
    await page.fill("#user-name", "otto");
    await page.fill("#user-password", "secret-otto");
    await page.fill("#user-repeat", "another");
    await page.click("#new-user button");
    check("passwords that differ", (await page.textContent("#user-error")).includes("differ"));
    await page.fill("#user-repeat", "secret-otto");
    await page.click("#new-user button");
    await page.getByLabel("Role of otto").waitFor();
    check("the first user is made", await page.isHidden("#first-card"));
    await page.fill("#key-name", "slicer");
    await page.click("#new-key button");
    await page.waitForSelector("#key-shown:not([hidden])");
    await page.screenshot({ path: path.join(shots, "people.png"), fullPage: true });
    await page.click('[aria-label="Revoke slicer"]');
    await page.click("#ask-yes");
    await page.waitForSelector("#no-keys:not([hidden])");
    await page.click('[aria-label="Remove otto"]');
    await page.click("#ask-yes");
    await page.waitForSelector("#first-card:not([hidden])");
  });
}

async function logIn(page, name) {
  await page.waitForSelector("#login-card:not([hidden])");
  await page.fill("#login-name", name);
  await page.fill("#login-password", `secret-${name}`);
  await page.click("#login button");
  await page.waitForSelector("#status-tab:not([hidden])");
  await connected(page);
}

async function locked() {
  await inBrowser(360, 740, "dark", async (page) => {
    await page.goto(lockedUrl);
    await page.waitForSelector("#access-tab:not([hidden])");
    await page.waitForSelector("#login-card:not([hidden])");
    check("the page says why", (await page.textContent("#you")).includes("force_logins"));
    check("nothing to stop without a log-in", await page.isHidden("#stop"));
    check("no warnings for strangers", !(await page.content()).includes("cors_domain:"));
    await page.screenshot({ path: path.join(shots, "locked.png") });
    await accessible(page, "the log-in");
    await page.fill("#login-name", "ann");
    await page.fill("#login-password", "wrong");
    await page.click("#login button");
    await page.waitForFunction(() => document.getElementById("login-error").textContent);
    await page.screenshot({ path: path.join(shots, "refused.png") });
    await logIn(page, "ann");
    await turn(page, "config");
    await page.waitForFunction(() => document.querySelectorAll("#warnings li").length > 0);
    await page.click("#config-check");
    await page.waitForSelector("#checked:not([hidden])");
    const findings = await page.locator("#findings li").allTextContents();
    fs.writeFileSync(path.join(shots, "findings.txt"), findings.join("\n"));
    await page.screenshot({ path: path.join(shots, "findings.png") });
    await accessible(page, "what check-config says");
    await page.reload();
    await connected(page);
    check("the log-in outlives a reload", await page.isVisible("#stop"));
    await turn(page, "access");
    await page.waitForSelector("#log-out:not([hidden])");
    await page.click("#log-out");
    await page.waitForSelector("#login-card:not([hidden])");
    check("logged out", await page.isHidden("#stop"));
    // Who may only look sees nothing that acts.
    await logIn(page, "vera");
    check("no stop for viewers", await page.isHidden("#stop"));
    check("no console line for viewers", await page.isHidden("#console-form"));
    await turn(page, "files");
    await page.waitForSelector("#file-rows tr");
    check("no upload for viewers", await page.isHidden("#drop"));
    check("no print for viewers", await page.locator('[aria-label^="Print "]').count() === 0);
    await turn(page, "runs");
    await page.waitForFunction(() => document.querySelectorAll("#tree li").length > 3);
    await page.screenshot({ path: path.join(shots, "viewer.png") });
  });
}

(async () => {
  fs.mkdirSync(shots, { recursive: true });
  for (const [width, height] of [[360, 740], [1400, 900]]) for (const scheme of ["light", "dark"]) await everyTab(width, height, scheme);
  for (const part of [firstPaint, keyboard, focusStays, reflow, explorer, people, printing, emergencyStop, locked]) {
    console.log(part.name);
    await part().catch((error) => check(part.name, false, error.message));
  }
  console.log(`${checks} checks, ${problems.length} problems; screenshots in ${shots}`);
  process.exit(problems.length ? 1 : 0);
})();
