//! `cargo xtask layers`: holds the imports of each crate to the floors of the code map.
//!
//! The floors are read from the tables in ARCHITECTURE.md. A room is a file or a folder directly below `src`. It may
//! import the rooms in the rows below its own, and nothing else of its crate: no room in a row above, and nothing through
//! the root of the crate. `lib.rs` stands above all rooms, and tests are not held to the table.

mod circles;
mod imports;
mod table;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use circles::{Graph, circles};
use imports::Crate;
use table::Table;
use xtask::servers;

/// The crates that are held to the table.
const CRATES: [&str; 4] = ["sql", "rules", "macros", "runtime"];

/// The imports that run up and are still tolerated.
const EXCEPTIONS: &str = "xtask/layers.txt";

/// Fails if an import runs up, or if the table and the folders differ.
pub(crate) fn run() -> Result<(), String> {
    let workspace = servers::workspace();
    let map = read(&workspace.join("ARCHITECTURE.md"))?;
    let listed = exceptions(&read(&workspace.join(EXCEPTIONS))?)?;
    let mut wrong = Vec::new();
    let mut upward = Vec::new();
    for name in CRATES {
        let src = format!("{name}/src");
        let table = Table::read(&map, &src)?;
        let code = Crate::read(&workspace.join(&src))?;
        wrong.extend(differences(&table, &code, &src));
        let found = climbs(&table, &code);
        eprintln!(
            "{src}: {} rooms, {} imports, {} that run up",
            table.rooms.len(),
            code.imports.len(),
            found.len()
        );
        upward.extend(found.into_iter().map(|climb| (name, climb)));
    }
    wrong.extend(unexpected(&upward, &listed));
    if wrong.is_empty() {
        return Ok(());
    }
    Err(format!(
        "{}\n\nImports run down the tables in ARCHITECTURE.md. What two rooms need lies below both.",
        wrong.join("\n")
    ))
}

/// Writes the names of the files into the tables, and the list of exceptions as it is now.
pub(crate) fn write() -> Result<(), String> {
    let workspace = servers::workspace();
    let path = workspace.join("ARCHITECTURE.md");
    let mut map = read(&path)?;
    let mut list = format!(
        "# Imports that run up, and their number: `{EXCEPTIONS}` is written by `cargo xtask layers --write`.\n"
    );
    for name in CRATES {
        let src = format!("{name}/src");
        let code = Crate::read(&workspace.join(&src))?;
        let table = Table::read(&map, &src)?;
        for room in &table.rooms {
            map = with_files(&map, room.line, &files(&code, &room.name));
        }
        let mut counts: BTreeMap<_, usize> = BTreeMap::new();
        for climb in climbs(&table, &code) {
            *counts.entry((climb.from, climb.to)).or_default() += 1;
        }
        for ((from, to), count) in counts {
            list.push_str(&format!("{name}: {from} -> {to} {count}\n"));
        }
    }
    let write = |path: &Path, text: &str| {
        fs::write(path, text).map_err(|error| format!("cannot write {}: {error}", path.display()))
    };
    write(&path, &map)?;
    write(&workspace.join(EXCEPTIONS), &list)
}

/// The code map with these files in the last cell of the row on `line`.
fn with_files(map: &str, line: usize, files: &[String]) -> String {
    let mut lines: Vec<&str> = map.split('\n').collect();
    let quoted: Vec<String> = files.iter().map(|file| format!("`{file}`")).collect();
    let row = lines[line - 1].trim_end().trim_end_matches('|');
    let Some((before, _)) = row.rsplit_once('|') else {
        return map.to_owned();
    };
    let row = format!("{before}| {} |", quoted.join(", "));
    lines[line - 1] = &row;
    lines.join("\n")
}

/// Prints, for each crate of the workspace in `root`, the number of its files and of its rooms, and how many of them are in
/// the largest circle of imports. The root of a crate is left out.
pub(crate) fn print_circles(root: Option<&str>) -> Result<(), String> {
    let root = root.map_or(servers::workspace(), Path::new);
    println!(
        "{:<10}{:>7}{:>16}{:>7}{:>16}",
        "crate", "files", "largest circle", "rooms", "largest circle"
    );
    for name in CRATES {
        let code = Crate::read(&root.join(name).join("src"))?;
        let files = graph(&code, |path| code.modules[code.module(path)].clone());
        let rooms = graph(&code, |path| path.first().cloned().unwrap_or_default());
        println!(
            "{name:<10}{:>7}{:>16}{:>7}{:>16}",
            files.len(),
            circles(&files).first().map_or(0, |circle| circle.len()),
            rooms.len(),
            circles(&rooms).first().map_or(0, |circle| circle.len()),
        );
    }
    Ok(())
}

/// Returns the imports of each node, without the root. `node` maps a module's path to its node.
fn graph<N: Ord + Clone>(code: &Crate, node: impl Fn(&[String]) -> N) -> Graph<N> {
    let mut graph = Graph::new();
    for path in code.modules.keys().filter(|path| !path.is_empty()) {
        graph.entry(node(path)).or_default();
    }
    for import in &code.imports {
        let to = code.module(&import.path);
        if import.from.is_empty() || to.is_empty() {
            continue;
        }
        let (from, to) = (node(&import.from), node(to));
        if from != to {
            graph.entry(from).or_default().insert(to);
        }
    }
    graph
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))
}

/// Returns the differences between the table and the folders.
fn differences(table: &Table, code: &Crate, src: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let rooms = code.rooms();
    for planned in &table.planned {
        let path: Vec<String> = planned.name.split('/').map(str::to_owned).collect();
        if code.modules.contains_key(&path) {
            wrong.push(format!(
                "ARCHITECTURE.md:{}: {src}/{} is planned here, and exists; name it in the table of rooms",
                planned.line, planned.name
            ));
        }
    }
    for room in &rooms {
        if !table.rooms.iter().any(|row| row.name == *room) {
            wrong.push(format!("ARCHITECTURE.md: {src}/{room} has no row"));
        }
    }
    for row in &table.rooms {
        if !rooms.contains(row.name.as_str()) {
            wrong.push(format!(
                "ARCHITECTURE.md:{}: {src}/{} does not exist",
                row.line, row.name
            ));
            continue;
        }
        let exist = files(code, &row.name);
        for file in exist.iter().filter(|file| !row.files.contains(file)) {
            wrong.push(format!(
                "ARCHITECTURE.md:{}: the row of `{}` does not name its file `{file}`",
                row.line, row.name
            ));
        }
        for file in row.files.iter().filter(|file| !exist.contains(file)) {
            wrong.push(format!(
                "ARCHITECTURE.md:{}: `{}` has no file `{file}`",
                row.line, row.name
            ));
        }
    }
    wrong
}

/// The files of a room as the code map names them; none for a room that is a single file.
fn files(code: &Crate, room: &str) -> Vec<String> {
    code.modules
        .iter()
        .filter(|(path, _)| path.first().is_some_and(|first| first == room))
        .filter_map(|(path, file)| file_below(path, file, room))
        .collect()
}

/// The name that the code map gives a module's file; none for a module without a file of its own and for the file that the
/// room is named after.
fn file_below(path: &[String], file: &Path, room: &str) -> Option<String> {
    let has_own_file = file.ends_with(format!("{}.rs", path.last()?)) || file.ends_with("mod.rs");
    match path {
        [_] => file.ends_with("mod.rs").then(|| "mod".to_owned()),
        [_, below @ ..] if has_own_file && path[0] == room => {
            let name = below.join("/");
            Some(if file.ends_with("mod.rs") {
                format!("{name}/mod")
            } else {
                name
            })
        }
        _ => None,
    }
}

/// An import that does not run down the table.
#[derive(Debug)]
struct Climb {
    from: String,
    /// `lib` where it runs through the root.
    to: String,
    message: String,
}

/// The imports that do not run down the table.
fn climbs(table: &Table, code: &Crate) -> Vec<Climb> {
    let place = |name: &str| table.rooms.iter().position(|room| room.name == name);
    let mut found = Vec::new();
    for import in &code.imports {
        let Some(from) = import.from.first() else {
            // The root stands above all.
            continue;
        };
        let Some(above) = place(from) else {
            // A room without a row is reported as a difference.
            continue;
        };
        let to = code.module(&import.path);
        let at = || {
            let file = &code.modules[&import.from];
            let file = file.strip_prefix(servers::workspace()).unwrap_or(file);
            let floor = table.rooms[above].floor;
            format!(
                "{}:{}: `{from}` (floor {floor})",
                file.display(),
                import.line
            )
        };
        let Some(room) = to.first() else {
            found.push(Climb {
                from: from.clone(),
                to: "lib".to_owned(),
                message: format!(
                    "{} imports `{}` through the root of the crate",
                    at(),
                    import.shown()
                ),
            });
            continue;
        };
        let Some(below) = place(room) else { continue };
        if room == from || below > above {
            continue;
        }
        let floor = table.rooms[below].floor;
        let how = if floor > table.rooms[above].floor {
            format!("imports `{room}` (floor {floor})")
        } else {
            format!("imports `{room}` (floor {floor}), whose row stands above its own")
        };
        found.push(Climb {
            from: from.clone(),
            to: room.clone(),
            message: format!("{} {how}: `{}`", at(), import.shown()),
        });
    }
    found
}

/// A crate, the room that imports and the room that is imported.
type Arrow = (String, String, String);

/// Reads the list of exceptions.
fn exceptions(text: &str) -> Result<BTreeMap<Arrow, usize>, String> {
    let lines = text
        .lines()
        .filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let parse = || {
                let (name, rest) = line.split_once(": ")?;
                let (from, rest) = rest.split_once(" -> ")?;
                let (to, count) = rest.split_once(' ')?;
                Some(((name.into(), from.into(), to.into()), count.parse().ok()?))
            };
            parse().ok_or_else(|| {
                format!("{EXCEPTIONS}: `{line}` is not of the form `crate: from -> to count`")
            })
        })
        .collect()
}

/// Returns the upward imports that are not listed, and the listed ones that do not exist.
fn unexpected(found: &[(&str, Climb)], listed: &BTreeMap<Arrow, usize>) -> Vec<String> {
    let mut by_arrow: BTreeMap<Arrow, Vec<&str>> = BTreeMap::new();
    for (name, climb) in found {
        let arrow = ((*name).to_owned(), climb.from.clone(), climb.to.clone());
        by_arrow.entry(arrow).or_default().push(&climb.message);
    }
    let mut wrong = Vec::new();
    for (arrow, messages) in &by_arrow {
        let allowed = listed.get(arrow).copied().unwrap_or(0);
        if messages.len() > allowed {
            wrong.extend(messages.iter().map(|message| (*message).to_owned()));
            if allowed > 0 {
                wrong.push(format!("{EXCEPTIONS} lists {allowed} of these"));
            }
        }
    }
    for (arrow, allowed) in listed {
        let now = by_arrow.get(arrow).map_or(0, Vec::len);
        if now < *allowed {
            let (name, from, to) = arrow;
            wrong.push(format!(
                "{EXCEPTIONS}: `{name}: {from} -> {to} {allowed}` is out of date: there are {now}"
            ));
        }
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::{Arrow, Climb, climbs, differences, exceptions, unexpected};
    use crate::layers::circles::circles;
    use crate::layers::imports::Crate;
    use crate::layers::table::Table;

    const MAP: &str = "
| floor | `x/src` | idea | files |
|---|---|---|---|
| 2 | `roof` | imports | `mod`, `tile` |
| 1 | `wall` | stands on the ground | |
| 1 | `floor` | stands on the ground too | |
| 0 | `ground` | imports nothing | |

| floor | planned in `x/src` | for |
|---|---|---|
| 3 | `chimney` | later |
| 2 | `roof/window` | later |
";

    const ROOT: (&str, &str) = (
        "lib.rs",
        "mod roof; mod wall; mod floor; mod ground; pub use ground::Ground;",
    );
    const ROOF: (&str, &str) = ("roof/mod.rs", "mod tile; use crate::wall::Wall;");
    const TILE: (&str, &str) = ("roof/tile.rs", "use super::super::wall; use super::Roof;");
    const WALL: (&str, &str) = (
        "wall.rs",
        "use crate::floor; fn f() -> crate::ground::Ground {}",
    );
    const FLOOR: (&str, &str) = ("floor.rs", "use super::ground::Ground;");
    const GROUND: (&str, &str) = ("ground.rs", "pub struct Ground;");

    fn code(changed: &[(&str, &str)]) -> Crate {
        let folder = std::env::temp_dir().join(format!(
            "xtask-layers-{}-{:?}",
            std::process::id(),
            std::thread::current().id()
        ));
        std::fs::create_dir_all(folder.join("roof")).expect("a folder");
        for (file, text) in [ROOT, ROOF, TILE, WALL, FLOOR, GROUND]
            .iter()
            .chain(changed)
        {
            std::fs::write(folder.join(file), text).expect("a file");
        }
        let code = Crate::read(&folder).expect("it can be read");
        std::fs::remove_dir_all(&folder).expect("the folder");
        code
    }

    fn table() -> Table {
        Table::read(MAP, "x/src").expect("it can be read")
    }

    fn arrows(changed: &[(&str, &str)]) -> Vec<String> {
        let found = climbs(&table(), &code(changed));
        found
            .iter()
            .map(|climb| format!("{} -> {}", climb.from, climb.to))
            .collect()
    }

    #[test]
    fn imports_that_run_down_are_in_order() {
        assert_eq!(arrows(&[]), [""; 0]);
        assert_eq!(differences(&table(), &code(&[]), "x/src"), [""; 0]);
    }

    #[test]
    fn an_import_that_is_put_in_by_hand_is_red() {
        for text in [
            "use crate::wall::Wall;",
            "use super::{ground::Ground, wall};",
            "use crate::wall::*;",
            "fn f() { crate::wall::build(); }",
            "fn f(_: Vec<super::wall::Wall>) {}",
            "fn f() { print!(\"{}\", [crate::wall::HEIGHT]); }",
            "macro_rules! m { () => { $crate::wall::build() } }",
            "fn f() { m! { use crate::{ground::Ground, wall::{Wall}}; } }",
            "mod inner { use super::super::wall; }",
            "pub(in crate::floor) use crate::wall;",
        ] {
            assert_eq!(arrows(&[("floor.rs", text)]), ["floor -> wall"], "{text}");
        }
        let found = climbs(
            &table(),
            &code(&[("ground.rs", "\nuse crate::roof::tile::Tile;")]),
        );
        assert!(
            found[0].message.ends_with(
                "ground.rs:2: `ground` (floor 0) imports `roof` (floor 2): `crate::roof::tile::Tile`"
            ),
            "{}",
            found[0].message
        );
    }

    #[test]
    fn an_import_through_the_root_is_red() {
        assert_eq!(
            arrows(&[("wall.rs", "use crate::Ground;")]),
            ["wall -> lib"]
        );
        assert_eq!(
            arrows(&[("wall.rs", "use super::Ground;")]),
            ["wall -> lib"]
        );
    }

    #[test]
    fn tests_and_comments_import_what_they_like() {
        for text in [
            "#[cfg(test)] mod tests { use crate::roof::Roof; }",
            "#[cfg(test)] use crate::roof::Roof;",
            "#[cfg(all(test, unix))] fn f() { crate::roof::build(); }",
            "/// [`Roof`](crate::roof::Roof)\nstruct Floor;",
            "pub(in crate::roof) struct Floor;",
        ] {
            assert_eq!(arrows(&[("floor.rs", text)]), [""; 0], "{text}");
        }
    }

    #[test]
    fn a_circle_of_rooms_runs_up_somewhere() {
        let code = code(&[("ground.rs", "use crate::floor::Floor;")]);
        let rooms = super::graph(&code, |path| path[0].clone());
        assert_eq!(circles(&rooms).len(), 1);
        assert_eq!(climbs(&table(), &code).len(), 1);
    }

    #[test]
    fn the_table_and_the_folders_are_the_same() {
        let new = "mod roof; mod wall; mod ground; mod cellar; mod chimney;";
        let changed = [
            ("lib.rs", new),
            ("cellar.rs", ""),
            ("chimney.rs", ""),
            ("roof/mod.rs", "mod window;"),
            ("roof/window.rs", ""),
        ];
        assert_eq!(
            differences(&table(), &code(&changed), "x/src"),
            [
                "ARCHITECTURE.md:11: x/src/chimney is planned here, and exists; name it in the table of rooms",
                "ARCHITECTURE.md:12: x/src/roof/window is planned here, and exists; name it in the table of rooms",
                "ARCHITECTURE.md: x/src/cellar has no row",
                "ARCHITECTURE.md: x/src/chimney has no row",
                "ARCHITECTURE.md:4: the row of `roof` does not name its file `window`",
                "ARCHITECTURE.md:4: `roof` has no file `tile`",
                "ARCHITECTURE.md:6: x/src/floor does not exist",
            ]
        );
    }

    #[test]
    fn the_files_of_a_room_are_written_into_its_row() {
        let code = code(&[]);
        assert_eq!(super::files(&code, "roof"), ["mod", "tile"]);
        assert_eq!(super::files(&code, "wall"), [""; 0]);
        let map = "| 1 | `roof` | idea | `old` |\n| 0 | `wall` | idea | |\n";
        let map = super::with_files(map, 1, &super::files(&code, "roof"));
        assert_eq!(
            map,
            "| 1 | `roof` | idea | `mod`, `tile` |\n| 0 | `wall` | idea | |\n"
        );
    }

    #[test]
    fn an_exception_is_counted() {
        let climb = || Climb {
            from: "a".into(),
            to: "b".into(),
            message: "up".into(),
        };
        let listed = exceptions("# comment\nx: a -> b 1\n").expect("a list");
        assert_eq!(
            listed[&Arrow::from(("x".into(), "a".into(), "b".into()))],
            1
        );
        assert!(unexpected(&[("x", climb())], &listed).is_empty());
        assert_eq!(unexpected(&[("x", climb())], &Default::default()), ["up"]);
        assert_eq!(
            unexpected(&[("x", climb()), ("x", climb())], &listed).len(),
            3
        );
        assert_eq!(
            unexpected(&[], &listed),
            ["xtask/layers.txt: `x: a -> b 1` is out of date: there are 0"]
        );
        assert!(exceptions("a -> b").is_err());
    }

    #[test]
    fn a_table_that_cannot_be_read_is_told() {
        let header = "| floor | `x/src` | idea | files |\n|---|---|---|---|\n";
        for (rows, what) in [
            (
                "| 1 | `a` | | |\n| 2 | `b` | | |",
                "the highest floor comes first",
            ),
            ("| 1 | `a` | | |\n| 1 | `a/` | | |", "`a` has two rows"),
            ("| one | `a` | | |", "`one` is no floor"),
            ("| 1 | a | | |", "no room is named in backticks"),
            (
                "| 1 | `a` | |",
                "the row has not as many cells as its header",
            ),
        ] {
            let error = Table::read(&format!("{header}{rows}"), "x/src").expect_err(rows);
            assert!(error.contains(what), "{error}");
        }
        assert!(Table::read("", "x/src").is_err());
    }
}
