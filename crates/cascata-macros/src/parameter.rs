//! What a parameter of a component is: a port, or state.

use quote::ToTokens;
use syn::{
    Attribute, Expr, FnArg, GenericArgument, Ident, Pat, PatType, PathArguments, Result, Token, Type, parse_quote,
    spanned::Spanned,
};

/// A parameter.
pub struct Parameter {
    /// What it is called in the function.
    pub variable: Ident,
    /// What it is called in a graph: the same, but for the underscore of one that the function leaves alone.
    pub name: Ident,
    /// As it is written.
    pub full: Type,
    pub role: Role,
    /// Attributes of others.
    pub attributes: Vec<Attribute>,
}

/// What it is.
#[expect(clippy::large_enum_variant, reason = "there are a few, while a program is compiled")]
pub enum Role {
    Inport(Inport),
    /// Where values of this type leave.
    Outport(Type),
    /// State of this type, and what makes it.
    Persist(Type, Expr),
}

/// An inport.
pub struct Inport {
    pub shape: Shape,
    /// The type of its items, or of those of its lists.
    pub item: Type,
    pub capacity: Option<Expr>,
    pub default: Option<Expr>,
}

/// What a firing gets of it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A value.
    Value,
    /// A list.
    List,
    /// A value, if there is one.
    Latest,
}

const HELP: &str = "mark each parameter as #[inport], #[outport] or #[persist(...)]";

impl Parameter {
    pub fn parse(argument: FnArg) -> Result<Self> {
        let PatType { attrs, pat, ty, .. } = match argument {
            FnArg::Typed(typed) => typed,
            FnArg::Receiver(receiver) => {
                return Err(syn::Error::new(receiver.span(), "a component is a function of its own: it has no self"));
            }
        };
        let variable = match &*pat {
            Pat::Ident(pattern) if pattern.by_ref.is_none() && pattern.subpat.is_none() => pattern.ident.clone(),
            other => return Err(syn::Error::new(other.span(), "a port needs a name: write a plain identifier")),
        };
        let name = public(&variable);
        let (ours, attributes): (Vec<_>, Vec<_>) = attrs.into_iter().partition(is_ours);
        let role = match &ours[..] {
            [] => return Err(syn::Error::new(name.span(), format!("parameter {name} is no port: {HELP}"))),
            [attribute] => Role::parse(attribute, &ty)?,
            [_, second, ..] => {
                return Err(syn::Error::new(second.span(), format!("parameter {name} is marked twice: {HELP} once")));
            }
        };
        Ok(Self { variable, name, full: *ty, role, attributes })
    }
}

fn public(variable: &Ident) -> Ident {
    let name = variable.to_string();
    let bare = name.strip_prefix('_').and_then(|bare| syn::parse_str::<Ident>(bare).ok());
    bare.map_or_else(|| variable.clone(), |bare| Ident::new(&bare.to_string(), variable.span()))
}

fn is_ours(attribute: &Attribute) -> bool {
    ["inport", "outport", "persist"].iter().any(|name| attribute.path().is_ident(name))
}

impl Role {
    fn parse(attribute: &Attribute, full: &Type) -> Result<Self> {
        if attribute.path().is_ident("inport") {
            return Inport::parse(attribute, full).map(Self::Inport);
        }
        if attribute.path().is_ident("outport") {
            attribute.meta.require_path_only()?;
            let item = argument(full, &["Outport", "BlockingOutport"]);
            let help = "an outport is an Outport<'_, T>, or a BlockingOutport<'_, T> if the component blocks";
            return item.map(Self::Outport).ok_or_else(|| syn::Error::new(full.span(), help));
        }
        let Type::Reference(reference) = full else {
            return Err(syn::Error::new(full.span(), "state is borrowed by each firing: write &mut before its type"));
        };
        if reference.mutability.is_none() {
            return Err(syn::Error::new(full.span(), "state is borrowed by each firing: write &mut before its type"));
        }
        let make = match &attribute.meta {
            syn::Meta::Path(_) => parse_quote!(::core::default::Default::default),
            _ => attribute.parse_args()?,
        };
        Ok(Self::Persist((*reference.elem).clone(), make))
    }
}

impl Inport {
    fn parse(attribute: &Attribute, full: &Type) -> Result<Self> {
        let (mut capacity, mut default, mut latest) = (None, None, None);
        if !matches!(attribute.meta, syn::Meta::Path(_)) {
            attribute.parse_nested_meta(|meta| {
                if meta.path.is_ident("capacity") {
                    let value: Expr = meta.value()?.parse()?;
                    capacity = Some(parse_quote!(::core::option::Option::Some(#value)));
                } else if meta.path.is_ident("unbounded") {
                    capacity = Some(parse_quote!(::core::option::Option::None));
                } else if meta.path.is_ident("default") {
                    default = Some(meta.value()?.parse()?);
                } else if meta.path.is_ident("latest") {
                    latest = Some(meta.path.span());
                } else {
                    return Err(meta.error("an inport takes capacity = …, unbounded, default = … and latest"));
                }
                Ok(())
            })?;
        }
        let (shape, item) = match (latest, argument(full, &["Option"]), argument(full, &["Vec"])) {
            (Some(_), Some(item), _) => (Shape::Latest, item),
            (Some(span), None, _) => {
                return Err(syn::Error::new(span, "what may have had no value yet is an Option: write Option<T>"));
            }
            (None, _, Some(item)) => (Shape::List, item),
            (None, ..) => (Shape::Value, full.clone()),
        };
        if let Type::Reference(_) = item {
            return Err(syn::Error::new(full.span(), "a firing owns its values: take the type without the reference"));
        }
        Ok(Self { shape, item, capacity, default })
    }

    /// The type of the values that may be sent to it.
    pub fn port(&self) -> Type {
        let item = &self.item;
        if self.shape == Shape::List { parse_quote!(::std::vec::Vec<#item>) } else { item.clone() }
    }
}

/// The type argument of a type that bears one of these names.
fn argument(full: &Type, names: &[&str]) -> Option<Type> {
    let Type::Path(path) = full else { return None };
    let last = path.path.segments.last()?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    names.iter().any(|name| last.ident == name).then_some(())?;
    let mut types = arguments.args.iter().filter_map(|argument| match argument {
        GenericArgument::Type(found) => Some(found.clone()),
        _ => None,
    });
    types.next().filter(|_| types.next().is_none())
}

/// The arguments of the attribute itself.
#[derive(Default)]
pub struct Arguments {
    pub blocking: Option<Ident>,
    pub finish: Option<syn::Path>,
}

impl syn::parse::Parse for Arguments {
    fn parse(input: syn::parse::ParseStream<'_>) -> Result<Self> {
        let mut this = Self::default();
        while !input.is_empty() {
            let name: Ident = input.parse()?;
            if name == "blocking" {
                this.blocking = Some(name);
            } else if name == "finish" {
                input.parse::<Token![=]>()?;
                this.finish = Some(input.parse()?);
            } else {
                let help = format!("a component takes blocking and finish = …, not {}", name.to_token_stream());
                return Err(syn::Error::new(name.span(), help));
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(this)
    }
}
