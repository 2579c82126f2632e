use kubist_derive::KubeSchema;

#[derive(KubeSchema)]
struct Tree {
    name: String,
    children: Option<Vec<Box<Tree>>>,
}

fn main() {}
