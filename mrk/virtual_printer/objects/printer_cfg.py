"""The virtual printer's printer.cfg, as the object `configfile` shows it: text by section.

`printer_settings.py` holds the same with types and defaults. The printer is the simulated one our
recordings were made with.
"""

from mrk.virtual_printer.gcode.command import read_literal
from mrk.virtual_printer.gcode.macro import MacroSource
from mrk.virtual_printer.printer_model import RECORDED, PrinterModel, written_options

# ruff: noqa: E501
PRINTER_CFG = r"""
[mcu]
serial = /home/pi/run/mcu_tty

[printer]
kinematics = cartesian
max_velocity = 300
max_accel = 3000
max_z_velocity = 15
max_z_accel = 100
square_corner_velocity = 5

[stepper_x]
step_pin = gpio0
dir_pin = gpio1
enable_pin = !gpio2
endstop_pin = gpio3
microsteps = 4
rotation_distance = 40
position_endstop = 0
position_min = 0
position_max = 235
homing_speed = 50

[stepper_y]
step_pin = gpio10
dir_pin = gpio11
enable_pin = !gpio12
endstop_pin = gpio13
microsteps = 4
rotation_distance = 40
position_endstop = 0
position_min = 0
position_max = 235
homing_speed = 50

[stepper_z]
step_pin = gpio20
dir_pin = gpio21
enable_pin = !gpio22
endstop_pin = gpio23
microsteps = 4
rotation_distance = 8
position_endstop = 0
position_min = -2
position_max = 250
homing_speed = 10

[thermistor sim]
temperature1 = 25
resistance1 = 100000
beta = 3950

[extruder]
step_pin = gpio30
dir_pin = gpio31
enable_pin = !gpio32
microsteps = 4
rotation_distance = 8
nozzle_diameter = 0.4
filament_diameter = 1.75
max_extrude_only_distance = 500
heater_pin = gpio40
sensor_type = sim
sensor_pin = analog0
control = pid
pid_kp = 37.783
pid_ki = 9.329
pid_kd = 38.256
min_temp = 0
max_temp = 300
min_extrude_temp = 170

[heater_bed]
heater_pin = gpio41
sensor_type = sim
sensor_pin = analog1
control = watermark
max_delta = 1.0
min_temp = 0
max_temp = 130

[verify_heater extruder]
max_error = 600
check_gain_time = 120
hysteresis = 10

[verify_heater heater_bed]
max_error = 600
check_gain_time = 240
hysteresis = 10

[fan]
pin = gpio42

[heater_fan hotend_fan]
pin = gpio43
heater = extruder
heater_temp = 50

[output_pin caselight]
pin = gpio44
pwm = true
value = 0

[output_pin relay]
pin = gpio45
value = 0

[temperature_sensor chamber]
sensor_type = sim
sensor_pin = analog2
min_temp = 0
max_temp = 100

[temperature_sensor host]
sensor_type = temperature_host
sensor_path = /tmp/iio/host_temp

[filament_switch_sensor runout]
switch_pin = !gpio50
pause_on_runout = False

[gcode_button btn]
pin = gpio51
press_gcode =
    RESPOND MSG="button pressed"
release_gcode =
    RESPOND MSG="button released"

[virtual_sdcard]
path = $GCODES

[pause_resume]

[display_status]

[exclude_object]

[respond]

[force_move]
enable_force_move = True

[save_variables]
filename = $CONFIG/variables.cfg

[gcode_arcs]

[idle_timeout]
timeout = 36000

[bed_mesh]
mesh_min = 10,10
mesh_max = 200,200
probe_count = 4,4

[gcode_macro PRINT_START]
description = start a print
variable_bed = 0
gcode =
    M117 starting
    G90
    G28
    G92 E0

[gcode_macro PRINT_END]
gcode =
    M400
    TURN_OFF_HEATERS
    M107
    M117 done

[gcode_macro CANCEL_PRINT]
rename_existing = BASE_CANCEL_PRINT
gcode =
    TURN_OFF_HEATERS
    M107
    BASE_CANCEL_PRINT

[gcode_macro SET_PAUSE_NEXT_LAYER]
gcode =
    RESPOND MSG="pause next layer"

[gcode_macro REPORT_TIME]
gcode =
    {action_respond_info("print_time=%.6f estimated=%.6f" % (printer.toolhead.print_time, printer.toolhead.estimated_print_time))}
"""


def config_sections(
    gcodes: str, config: str, model: PrinterModel = RECORDED
) -> dict[str, dict[str, str]]:
    """Section to option to text; `gcodes` and `config` are the folders' paths."""
    sections = _sections(gcodes, config)
    for section, options in written_options(model).items():
        texts = {name: _text(value) for name, value in options.items()}
        sections.setdefault(section, {}).update(texts)
    return sections


def config_text(sections: dict[str, dict[str, str]]) -> str:
    """The sections as a file."""
    return "\n".join(f"[{name}]\n{_body(options)}" for name, options in sections.items())


def _body(options: dict[str, str]) -> str:
    lines = (f"{name} = {text}" for name, text in options.items())
    return "".join(line.replace(" = \n", " =\n").replace("\n", "\n    ") + "\n" for line in lines)


def _text(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _sections(gcodes: str, config: str) -> dict[str, dict[str, str]]:
    sections: dict[str, dict[str, str]] = {}
    options: dict[str, str] = {}
    name = ""
    for line in PRINTER_CFG.replace("$GCODES", gcodes).replace("$CONFIG", config).split("\n"):
        if line.startswith("["):
            options = sections.setdefault(line[1:-1], {})
        elif line.startswith("    "):
            options[name] += "\n" + line[4:]
        elif line:
            name, _, value = line.partition(" =")
            options[name] = value.strip()
    return sections


def builtin_macros() -> list[MacroSource]:
    """The `[gcode_macro NAME]` sections, in order."""
    found = []
    for section, options in config_sections("", "").items():
        if section.startswith("gcode_macro "):
            variables = {
                option.removeprefix("variable_"): read_literal(value)
                for option, value in options.items()
                if option.startswith("variable_")
            }
            found.append(
                MacroSource(
                    section.removeprefix("gcode_macro "),
                    options["gcode"],
                    options.get("description", "G-Code macro"),
                    options.get("rename_existing"),
                    variables,
                )
            )
    return found
