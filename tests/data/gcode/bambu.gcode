; HEADER_BLOCK_START
; BambuStudio 01.09.07.52
; model printing time: 10s; total estimated time: 6m 40s
; total layer number: 2
; total filament length [mm] : 1.50
; HEADER_BLOCK_END

; CONFIG_BLOCK_START
; default_filament_colour = ;
; filament_diameter = 1.75,1.75
; layer_height = 0.2
; printer_model = Bambu Lab X1 Carbon
; CONFIG_BLOCK_END

; EXECUTABLE_BLOCK_START
M73 P0 R6
M201 X20000 Y20000 Z500 E5000
; FEATURE: Custom
;===== machine: X1 ====================
G28
M620 S0A
T0
M621 S0A
G90
G21
M83
; filament start gcode
;VT0
; CHANGE_LAYER
; Z_HEIGHT: 0.2
; LAYER_HEIGHT: 0.2
G1 E-.8 F1800
; layer num/total_layer_count: 1/2
; OBJECT_ID: 15
; start printing object, unique label id: 15
M624 AQAAAAAAAAA=
G1 X10 Y10 F42000
G1 Z.2
G1 E.8 F1800
; FEATURE: Outer wall
; LINE_WIDTH: 0.5
G1 F3000
M204 S5000
G1 X20 Y10 E.4
G3 X20 Y20 I0 J5 E.3
; stop printing object, unique label id: 15
M625
; CHANGE_LAYER
; Z_HEIGHT: 0.4
; LAYER_HEIGHT: 0.2
; WIPE_START
G1 X19 Y20 E-.8
; WIPE_END
G2 Z.6 I-.866 J.854 P1 F42000
; start printing object, unique label id: 28
M624 AgAAAAAAAAA=
T1
G1 X30 Y10
G1 Z.4
G1 E.8 F1800
; FEATURE: Prime tower
G1 X40 Y10 E.4
; FEATURE: Support interface
G1 X40 Y20 E.4
; stop printing object, unique label id: 28
M625
T255
M140 S0
M104 S0
; EXECUTABLE_BLOCK_END
