//! Reads the tables of floors from the code map in ARCHITECTURE.md.
//!
//! The header of a table names the folder that the table is of: `` | floor | `runtime/src` | idea | files | ``. Its rows
//! stand in the order of the floors, the highest first. A table of rooms that are planned begins with
//! `` | floor | planned in `runtime/src` | for | ``.

/// The rooms of one crate.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Table {
    pub(crate) rooms: Vec<Room>,
    pub(crate) planned: Vec<Room>,
}

/// A file or a folder directly below `src`.
#[derive(Debug, PartialEq)]
pub(crate) struct Room {
    pub(crate) name: String,
    pub(crate) floor: u32,
    /// The files of a folder, by their paths below it, without `.rs`. Empty for a single file.
    pub(crate) files: Vec<String>,
    /// The line in ARCHITECTURE.md.
    pub(crate) line: usize,
}

impl Table {
    /// Reads the tables of the crate whose source is in `src`, such as `runtime/src`.
    pub(crate) fn read(text: &str, src: &str) -> Result<Self, String> {
        let mut table = Self::default();
        let quoted = format!("`{src}`");
        let planned = format!("planned in {quoted}");
        let mut lines = text.lines().zip(1..);
        let mut found = false;
        while let Some((line, _)) = lines.next() {
            let header = cells(line);
            let is_planned = match header[..] {
                ["floor", folder, "idea", "files"] if folder == quoted => false,
                ["floor", folder, "for"] if folder == planned => true,
                _ => continue,
            };
            found |= !is_planned;
            lines.next();
            let rooms = if is_planned {
                &mut table.planned
            } else {
                &mut table.rooms
            };
            for (line, number) in lines.by_ref() {
                let row = cells(line);
                if row.is_empty() {
                    break;
                }
                read_row(&row, is_planned, number, rooms)?;
            }
        }
        if !found {
            return Err(format!(
                "ARCHITECTURE.md has no table `| floor | {quoted} | idea | files |`"
            ));
        }
        Ok(table)
    }
}

fn read_row(
    row: &[&str],
    is_planned: bool,
    line: usize,
    rooms: &mut Vec<Room>,
) -> Result<(), String> {
    let wrong = |what: &str| format!("ARCHITECTURE.md:{line}: {what}");
    if row.len() != if is_planned { 3 } else { 4 } {
        return Err(wrong("the row has not as many cells as its header"));
    }
    let floor: u32 = row[0]
        .parse()
        .map_err(|_| wrong(&format!("`{}` is no floor", row[0])))?;
    if !is_planned && rooms.last().is_some_and(|above| above.floor < floor) {
        return Err(wrong(&format!(
            "floor {floor} is below a lower floor; the highest floor comes first"
        )));
    }
    let names = in_backticks(row[1]);
    if names.is_empty() {
        return Err(wrong("no room is named in backticks"));
    }
    let files: Vec<String> = if is_planned {
        Vec::new()
    } else {
        let files = in_backticks(row[3]).into_iter();
        files
            .map(|file| file.trim_end_matches(".rs").to_owned())
            .collect()
    };
    if names.len() > 1 && !files.is_empty() {
        return Err(wrong(
            "the files are those of one room, and the row names several",
        ));
    }
    for name in names {
        let name = name
            .trim_end_matches('/')
            .trim_end_matches(".rs")
            .to_owned();
        if rooms.iter().any(|room| room.name == name) {
            return Err(wrong(&format!("`{name}` has two rows")));
        }
        rooms.push(Room {
            name,
            floor,
            files: files.clone(),
            line,
        });
    }
    Ok(())
}

/// The cells of a row, or nothing where the line is none.
fn cells(line: &str) -> Vec<&str> {
    let Some(inner) = line
        .trim()
        .strip_prefix('|')
        .and_then(|line| line.strip_suffix('|'))
    else {
        return Vec::new();
    };
    inner.split('|').map(str::trim).collect()
}

/// Returns the texts in backticks.
fn in_backticks(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}
