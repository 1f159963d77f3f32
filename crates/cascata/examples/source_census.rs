//! A census of Rust sources: those of the crates that cargo has unpacked, or of the directories that are named.
//!
//! One component walks the directories, a group of parsers reads and parses the files on all cores, and one adds up what
//! they have found. Parsers get files as they have room; the results come in the order of the files, whoever was faster.

use std::{
    collections::BTreeMap,
    env, fs, io,
    path::{Path, PathBuf},
    thread,
};

use cascata::prelude::*;
use syn::{
    ExprUnsafe, ImplItemFn, ItemEnum, ItemFn, ItemStruct, ItemTrait,
    visit::{self, Visit},
};

/// What a file has, by kind.
type Census = BTreeMap<&'static str, u64>;

/// Sends the sources below the directories, each directory's in the order of their names.
#[component(blocking)]
fn walk(#[inport] roots: Vec<PathBuf>, #[outport] file: BlockingOutport<'_, PathBuf>) -> io::Result<()> {
    let mut stack = roots;
    while let Some(path) = stack.pop() {
        if path.is_dir() {
            let mut entries = fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
            entries.sort();
            // The last in is the next out.
            stack.extend(entries.into_iter().rev());
        } else if path.extension().is_some_and(|extension| extension == "rs") && !file.send(path) {
            break;
        }
    }
    Ok(())
}

/// Parses a source and counts what is in it. What is no Rust of today is sent as what is wrong with it.
#[component(blocking)]
fn parse(
    #[inport] file: PathBuf,
    #[outport] found: BlockingOutport<'_, Census>,
    #[outport] refused: BlockingOutport<'_, (PathBuf, String)>,
) {
    match census(&file) {
        Ok(census) => found.send(census),
        Err(error) => refused.send((file, error)),
    };
}

/// Adds up, and sends the sums at the end.
#[component(finish = totals)]
async fn sum(
    #[inport] found: Census,
    #[outport] _total: Outport<'_, (&'static str, u64)>,
    #[persist] sums: &mut Census,
) {
    for (kind, count) in found {
        *sums.entry(kind).or_default() += count;
    }
}

async fn totals(total: Outport<'_, (&'static str, u64)>, sums: &mut Census) {
    for (kind, count) in std::mem::take(sums) {
        total.send((kind, count)).await;
    }
}

fn census(file: &Path) -> Result<Census, String> {
    let text = fs::read_to_string(file).map_err(|error| error.to_string())?;
    let parsed = syn::parse_file(&text).map_err(|error| error.to_string())?;
    let mut counter = Counter::default();
    counter.count("files");
    *counter.0.entry("lines").or_default() += text.lines().count() as u64;
    counter.visit_file(&parsed);
    Ok(counter.0)
}

#[derive(Default)]
struct Counter(Census);

impl Counter {
    fn count(&mut self, kind: &'static str) {
        *self.0.entry(kind).or_default() += 1;
    }
}

impl<'ast> Visit<'ast> for Counter {
    fn visit_item_fn(&mut self, item: &'ast ItemFn) {
        self.count(if item.sig.asyncness.is_some() { "async functions" } else { "functions" });
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast ImplItemFn) {
        self.count(if item.sig.asyncness.is_some() { "async methods" } else { "methods" });
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_item_struct(&mut self, item: &'ast ItemStruct) {
        self.count("structs");
        visit::visit_item_struct(self, item);
    }

    fn visit_item_enum(&mut self, item: &'ast ItemEnum) {
        self.count("enums");
        visit::visit_item_enum(self, item);
    }

    fn visit_item_trait(&mut self, item: &'ast ItemTrait) {
        self.count("traits");
        visit::visit_item_trait(self, item);
    }

    fn visit_expr_unsafe(&mut self, block: &'ast ExprUnsafe) {
        self.count("unsafe blocks");
        visit::visit_expr_unsafe(self, block);
    }
}

/// Where cargo unpacks the crates of registries.
fn registry() -> Option<PathBuf> {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cargo")))?;
    Some(home.join("registry/src"))
}

/// What was found, what was refused, and what the run has done.
type Found = (Vec<(&'static str, u64)>, Vec<(PathBuf, String)>, Report);

fn take(roots: Vec<PathBuf>) -> Result<Found, RunError> {
    let cores = thread::available_parallelism().map_or(1, usize::from);

    let graph = Graph::new();
    let walk = graph.add("walk", walk());
    let parsers = graph.add_group("parsers", parse(), cores);
    let sum = graph.add("sum", sum());
    walk.roots.set(roots);
    walk.file >> parsers.file;
    parsers.found >> sum.found;

    let report = graph.run().collect(sum.total).collect(parsers.refused).wait()?;
    let total = report.collected(sum.total).unwrap_or_default();
    Ok((total, report.collected(parsers.refused).unwrap_or_default(), report))
}

fn main() -> Result<(), RunError> {
    let mut roots: Vec<_> = env::args_os().skip(1).map(PathBuf::from).collect();
    if roots.is_empty() {
        roots.extend(registry());
    }
    let (total, refused, report) = take(roots)?;
    for (kind, count) in total {
        println!("{count:>12} {kind}");
    }
    if let Some((file, error)) = refused.first() {
        println!("{:>12} files refused, the first: {}: {error}", refused.len(), file.display());
    }
    println!("\n{report}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_counted_or_refused() {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        // Its own source, a directory, and a file that is no Rust.
        let no_rust = env::temp_dir().join(format!("cascata-census-{}.rs", std::process::id()));
        fs::write(&no_rust, "fn {").unwrap();
        let (total, refused, report) = take(vec![here.join("examples"), no_rust.clone()]).unwrap();
        fs::remove_file(&no_rust).unwrap();
        let total: Census = total.into_iter().collect();
        assert_eq!((total["files"], total["async functions"]), (1, 2));
        assert_eq!(refused.len(), 1);
        assert_eq!((&refused[0].0, report.components["walk"].items_out()), (&no_rust, 2));
    }
}
